"""The renderer `heatmap`: the target, redder where the mole is more likely, and where it was found.

The red is the matcher's own likelihood if it has one, else the similarity to the mole. The match is
a green cross, a dashed amber one if it is uncertain, or a blue circle with a bar if the mole is
probably not there.
"""

import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.renderers.drawing import GREEN, draw_match, draw_whole_cross
from mel_debug.core.types import FeatureMap, Mask, Match, Pixels, Query

PHOTO_SHARE = 0.7
HEAT_SHARE = 0.3
"""Weights of the photo and of the red overlay; chosen by hand."""

LEAST_LIKELIHOOD = 1e-4
"""Likelihood, relative to the most likely place, that is not red any more. Between it and 1 the
red grows with the logarithm; it would else be one dot below the cross."""


class Heatmap:
    """Draws on the scaled target, as the extractor received it."""

    def __init__(self, *, whole_cross: bool = False) -> None:
        """With `whole_cross` every match is a green cross without a gap in the middle."""
        self._whole_cross = whole_cross

    def render(self, query: Query, target: FeatureMap, match: Match) -> Pixels:
        """Return the picture, (scaled height, scaled width, 3) RGB."""
        picture = heated(target.photo.displayed(match.grid.scaled), match)
        centre = match.grid.to_scaled(match.best)
        if self._whole_cross:
            draw_whole_cross(picture, centre, GREEN)
        else:
            draw_match(picture, match, centre)
        return picture


def heated(photo: Pixels, match: Match) -> Pixels:
    """Return the scaled photo at 70 % with each cell's heat in red at 30 %."""
    patch = match.grid.patch
    return heated_by(photo, heat_of(match).repeat(patch, 0).repeat(patch, 1))


def heated_by(photo: Pixels, heat: NDArray[np.float32]) -> Pixels:
    """Return a photo at 70 % with heat, (height, width) from 0 to 1, in red at 30 %."""
    mixed = PHOTO_SHARE * photo.astype(np.float32, order="C")  # OpenCV draws in no other order
    mixed[..., 0] += HEAT_SHARE * 255 * heat
    picture: Pixels = np.rint(mixed).astype(np.uint8)
    return picture


def heat_of(match: Match) -> NDArray[np.float32]:
    """Return the heat of each cell, from 0 to 1: of its likelihood, else of its score."""
    if match.likelihood is None:
        return normalised(match.scores, match.valid)
    likelihood = np.where(match.valid, match.likelihood, 0)
    most = max(float(likelihood.max()), LEAST_LIKELIHOOD)
    shown = np.log(np.maximum(likelihood / most, LEAST_LIKELIHOOD)) / -np.log(LEAST_LIKELIHOOD)
    return np.asarray(1 + shown, dtype=np.float32)


def normalised(scores: NDArray[np.float32], valid: Mask) -> NDArray[np.float32]:
    """Return scores scaled to 0 (least similar) to 1 over the valid cells; all others are 0."""
    low, high = scores[valid].min(), scores[valid].max()
    span = high - low if high > low else 1
    return np.where(valid, (scores - low) / span, 0).astype(np.float32)
