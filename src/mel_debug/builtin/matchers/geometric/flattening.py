"""Photos without the light on them: cast shadows move between sessions, moles do not."""

import cv2
import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, Picture
from mel_debug.core.laplacian import GREY_FLOOR
from mel_debug.core.scaling import fitted
from mel_debug.core.types import Photo

LONGEST = 1400
"""Pixels of the longer side at which the light is estimated."""

MEDIAN = 0.03
"""Side of the median filter, as a share of the longer side: moles are smaller than half of it, and
shadows larger. Chosen by hand on three hard generated people lit by blinds."""

GAIN = 400.0
"""Grey levels per unit of log intensity; a mole of contrast 0.3 uses all below mid grey."""

LOG_STEPS = 40.0
"""Steps per unit of log intensity in the median filter, which OpenCV has for 8 bits only."""


def flattened(photo: Photo) -> Photo:
    """Return the photo with its log intensity divided by that of the skin around, in grey.

    A median filter keeps the edges of what is larger than half its side, so a shadow goes into the
    light, edge and all, and a mole does not (Huang et al. 1979).
    """
    size = fitted(photo.size, min(LONGEST, photo.size.longest))
    small = _log(photo.scaled(size)[..., 1])
    side = max(3, int(MEDIAN * size.longest)) | 1
    low = float(np.log(GREY_FLOOR))
    steps = np.round((small - low) * LOG_STEPS).astype(np.uint8)
    light = cv2.medianBlur(steps, side).astype(np.float32) / LOG_STEPS + np.float32(low)
    whole = (photo.size.width, photo.size.height)
    around = cv2.resize(light, whole, interpolation=cv2.INTER_LINEAR)
    grey = np.clip(128 + GAIN * (_log(photo.pixels[..., 1]) - around), 0, 255).astype(np.uint8)
    return Photo.of(np.repeat(grey[..., np.newaxis], 3, axis=2), photo.mask, name=photo.name)


def _log(green: Picture) -> Array:
    table = np.log(np.arange(256, dtype=np.float32) + np.float32(GREY_FLOOR))
    return np.asarray(table[green])
