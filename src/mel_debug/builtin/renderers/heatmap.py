"""The renderer `heatmap`: the target with similarity to the mole in red and a cross on the match.

An uncertain match has a dashed amber cross.
"""

import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.renderers.drawing import draw_match
from mel_debug.core.types import FeatureMap, Mask, Match, Pixels, Query

PHOTO_SHARE = 0.7
HEAT_SHARE = 0.3
"""Weights of the photo and of the red overlay; chosen by hand."""


class Heatmap:
    """Draws on the scaled target, as the extractor received it."""

    def render(self, query: Query, target: FeatureMap, match: Match) -> Pixels:
        """Return the picture, (scaled height, scaled width, 3) RGB."""
        picture = heated(target.photo.displayed(match.grid.scaled), match)
        draw_match(picture, match, match.grid.to_scaled(match.best))
        return picture


def heated(photo: Pixels, match: Match) -> Pixels:
    """Return the scaled photo at 70 % with each cell's normalised score in red at 30 %."""
    patch = match.grid.patch
    heat = normalised(match.scores, match.valid).repeat(patch, 0).repeat(patch, 1)
    mixed = PHOTO_SHARE * photo.astype(np.float32)
    mixed[..., 0] += HEAT_SHARE * 255 * heat
    picture: Pixels = np.rint(mixed).astype(np.uint8)
    return picture


def normalised(scores: NDArray[np.float32], valid: Mask) -> NDArray[np.float32]:
    """Return scores scaled to 0 (least similar) to 1 over the valid cells; all others are 0."""
    low, high = scores[valid].min(), scores[valid].max()
    span = high - low if high > low else 1
    return np.where(valid, (scores - low) / span, 0).astype(np.float32)
