"""Windows around a mole, in its own size: its sigma, and the darkness of the skin around it."""

import cv2
import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.core.laplacian import darkness, laplacian
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

_FILTER = int(4 * SAMPLES)
"""Samples to each side that the filter for a size depends on."""


def sigma_px(photo: Photo, mole: Array) -> float:
    """Return the size of the spot at a mole, as the sigma of a Gaussian in photo pixels."""
    sizes = [share * photo.size.longest for share in SIGMAS]
    responses = {}
    for sigma in (size for size in sizes if size >= LEAST_SIGMA_PX):
        window = sample_window(photo, mole, np.eye(2) * sigma / SAMPLES, 2 * _FILTER + 3)
        middle = np.s_[_FILTER : _FILTER + 3, _FILTER : _FILTER + 3]
        responses[sigma] = float(laplacian(darkness(window), SAMPLES)[middle].max())
    return max(responses, key=responses.__getitem__, default=LEAST_SIGMA_PX)


def dark_window(photo: Photo, centre: Array, step: Array, half: int) -> Array:
    """Return the darkness of a window relative to its skin; 0, like skin, outside the mask."""
    side = 2 * half + 1
    valid = valid_in_window(photo, centre, step, side)
    dark = darkness(sample_window(photo, centre, step, side))
    skin = float(np.median(dark[valid])) if valid.any() else 0.0
    seen = np.where(valid, np.clip(dark - skin, -DARKEST, DARKEST), 0.0)
    return np.asarray(cv2.GaussianBlur(seen, (0, 0), SMOOTH))
