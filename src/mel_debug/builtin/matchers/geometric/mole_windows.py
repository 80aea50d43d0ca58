"""Windows around a mole, in its own size: its sigma, and the darkness of the skin around it."""

from dataclasses import dataclass
from functools import cache
from math import ceil

import cv2
import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, Flags
from mel_debug.core.laplacian import GREEN, darkness, kernels
from mel_debug.core.sampling import sample_window, valid_in_window
from mel_debug.core.types import Photo

_GROWTH = tuple(1.25**step for step in range(10))

SIGMAS = tuple(1.2 * growth / 2000 for growth in _GROWTH)
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

_SAMPLES_OF_LEAST = 2.0
"""Samples per smallest sigma in the window in which all sizes are compared."""

_NEAR = 0.25
"""Sigmas to each side of the mark at which a size is tried as well."""

_REACH = ceil((4 + _NEAR) * _SAMPLES_OF_LEAST * _GROWTH[-1])
"""Samples to each side that the filter of the largest size depends on."""


def sigma_px(photo: Photo, mole: Array) -> float:
    """Return the size of the spot at a mole, as the sigma of a Gaussian in photo pixels.

    It is the size to whose Laplacian of Gaussian the spot responds most.
    """
    sizes = [share * photo.size.longest for share in SIGMAS]
    sizes = [size for size in sizes if size >= LEAST_SIGMA_PX]
    if not sizes:
        return LEAST_SIGMA_PX
    step = np.eye(2) * sizes[0] / _SAMPLES_OF_LEAST
    dark = darkness(sample_window(photo, mole, step, 2 * _REACH + 1, GREEN))
    responses = [
        (smooth @ dark @ second.T + second @ dark @ smooth.T).max()
        for smooth, second in _filters()[: len(sizes)]
    ]
    return sizes[int(np.argmax(responses))]


@cache
def _filters() -> list[tuple[Array, Array]]:
    """Return the parts of each size's filter, (3, 2 _REACH + 1): at the middle and `_NEAR` it."""
    steps = np.arange(-_REACH, _REACH + 1)
    filters: list[tuple[Array, Array]] = []
    for sigma in (_SAMPLES_OF_LEAST * growth for growth in _GROWTH):
        beside = _NEAR * sigma * np.arange(-1, 2)
        filters.append(kernels(steps - beside[:, np.newaxis], sigma))
    return filters


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
