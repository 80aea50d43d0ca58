"""Windows around a mole, in its own size: its sigma, and the darkness of the skin around it."""

from dataclasses import dataclass

import cv2
import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, Flags
from mel_debug.core.laplacian import GREEN, darkness, laplacian
from mel_debug.core.sampling import sample_window, valid_in_window
from mel_debug.core.types import Photo

SIGMAS = tuple(1.2 * 1.25**step / 2000 for step in range(10))
"""Sizes of moles as shares of the longer side, as the sigma of the Gaussian that fits best. Larger
sizes are more often those of shade than of moles."""

LEAST_SIGMA_PX = 0.6
"""Smallest sigma in photo pixels; a smaller Gaussian is undersampled."""

SAMPLES = 4.0
"""Samples per sigma."""

DARKEST = 0.9
"""Darkness is clipped here, which few moles reach, so that a strap beside a mole counts less."""

SMOOTH = 1.2
"""Samples; sigma by which windows are smoothed against noise."""

MOST_HALF = 30
"""Samples from the centre to the edge of the largest window."""

_FILTER = int(4 * SAMPLES)
"""Samples to each side that the filter for a size depends on."""


def sigma_px(photo: Photo, mole: Array) -> float:
    """Return the size of the spot at a mole, as the sigma of a Gaussian in photo pixels."""
    sizes = [share * photo.size.longest for share in SIGMAS]
    responses = {}
    for sigma in (size for size in sizes if size >= LEAST_SIGMA_PX):
        window = sample_window(photo, mole, np.eye(2) * sigma / SAMPLES, 2 * _FILTER + 3, GREEN)
        middle = np.s_[_FILTER : _FILTER + 3, _FILTER : _FILTER + 3]
        responses[sigma] = float(laplacian(darkness(window), SAMPLES)[middle].max())
    return max(responses, key=responses.__getitem__, default=LEAST_SIGMA_PX)


@dataclass(frozen=True, slots=True, eq=False)
class SpotSkin:
    """The skin around a place of a photo, sampled once for all windows that are compared there.

    `place` is (2,) photo pixels. `step` is (2, 2): photo pixels (x, y), by row, per sample, by
    column. `dark` and `valid` are (2 MOST_HALF + 1, 2 MOST_HALF + 1): the darkness, and which
    samples are inside the photo and its mask.
    """

    photo: Photo
    place: Array
    step: Array
    dark: Array
    valid: Flags

    @classmethod
    def around(cls, photo: Photo, place: Array, step: Array) -> "SpotSkin":
        """Sample the skin around a place."""
        side = 2 * MOST_HALF + 1
        return cls(
            photo,
            place,
            step,
            darkness(sample_window(photo, place, step, side, GREEN)),
            valid_in_window(photo, place, step, side),
        )

    def at(self, place: Array) -> "SpotSkin":
        """Return the skin around another place of the photo; itself if the place is the same."""
        if np.array_equal(place, self.place):
            return self
        return SpotSkin.around(self.photo, place, self.step)

    def window(self, half: int) -> Array:
        """Return a window of `half` samples to each side, at most `MOST_HALF`, around the place.

        It holds the darkness relative to the skin in it; 0, like skin, outside the mask.
        """
        inner = slice(MOST_HALF - half, MOST_HALF + half + 1)
        dark, valid = self.dark[inner, inner], self.valid[inner, inner]
        skin = float(np.median(dark[valid])) if valid.any() else 0.0
        seen = np.where(valid, np.clip(dark - skin, -DARKEST, DARKEST), 0.0)
        return np.asarray(cv2.GaussianBlur(seen, (0, 0), SMOOTH))
