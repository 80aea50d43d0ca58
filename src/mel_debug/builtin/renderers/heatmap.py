"""The target with its likeness to the mole in red and a cross on the best match.

A match that is not sure gets a dashed amber cross and the radius that should hold the mole.
"""

import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.renderers.drawing import draw_match
from mel_debug.core.types import FeatureMap, Mask, Match, Pixels, Query

PHOTO_SHARE = 0.7
HEAT_SHARE = 0.3


class Heatmap:
    """Draws on the target as the extractor saw it, in scaled pixels."""

    def render(self, query: Query, target: FeatureMap, match: Match) -> Pixels:
        """(scaled height, scaled width, 3) RGB."""
        picture = heated(target.photo.displayed(match.grid.scaled), match)
        zoom = match.grid.scaled.longest / match.grid.photo.longest
        draw_match(picture, match, zoom, match.grid.to_scaled(match.best))
        return picture


def heated(photo: Pixels, match: Match) -> Pixels:
    """The scaled photo at 70 % with each cell's normalised score as red at 30 %."""
    patch = match.grid.patch
    heat = normalised(match.scores, match.valid).repeat(patch, 0).repeat(patch, 1)
    mixed = PHOTO_SHARE * photo.astype(np.float32)
    mixed[..., 0] += HEAT_SHARE * 255 * heat
    picture: Pixels = np.rint(mixed).astype(np.uint8)
    return picture


def normalised(scores: NDArray[np.float32], valid: Mask) -> NDArray[np.float32]:
    """Scores as 0 (least alike) to 1 (most alike) over the valid cells; all other cells are 0."""
    low, high = scores[valid].min(), scores[valid].max()
    span = high - low if high > low else 1
    return np.where(valid, (scores - low) / span, 0).astype(np.float32)
