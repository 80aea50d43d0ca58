"""Photos without the light on them: cast shadows move between sessions, moles do not."""

import cv2
import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, Picture
from mel_debug.core.geometry import Size
from mel_debug.core.laplacian import GREY_FLOOR
from mel_debug.core.scaling import fitted, resized
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


class FlatPhoto(Photo):
    """A photo with its log intensity divided by that of the skin around, in grey.

    A scaled one is flattened after it has been scaled: a sixth of the work, as a window of a few
    pixels has nearly the same logarithm of means and mean of logarithms.
    """

    def __init__(self, photo: Photo) -> None:
        super().__init__(
            photo.name, photo.size, lambda: without_light(photo.pixels), lambda: photo.mask
        )
        self._as_it_is = photo

    def scaled(self, size: Size) -> Picture:
        """See `Photo.scaled`; the result is not retained."""
        return without_light(self._as_it_is.scaled(size))


def without_light(pixels: Picture) -> Picture:
    """Return (height, width, 3) pixels with their log intensity divided by that around, in grey.

    A median filter keeps the edges of what is larger than half its side, so a shadow goes into the
    light, edge and all, and a mole does not (Huang et al. 1979).
    """
    green = np.ascontiguousarray(pixels[..., 1])
    whole = Size(green.shape[1], green.shape[0])
    size = fitted(whole, min(LONGEST, whole.longest))
    small = _log(resized(green, size))
    side = max(3, int(MEDIAN * size.longest)) | 1
    low = float(np.log(GREY_FLOOR))
    steps = np.round((small - low) * LOG_STEPS).astype(np.uint8)
    light = cv2.medianBlur(steps, side).astype(np.float32) / LOG_STEPS + np.float32(low)
    around = cv2.resize(light, (whole.width, whole.height), interpolation=cv2.INTER_LINEAR)
    grey = np.clip(128 + GAIN * (_log(green) - around), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., np.newaxis], 3, axis=2)


def _log(green: Picture) -> Array:
    table = np.log(np.arange(256, dtype=np.float32) + np.float32(GREY_FLOOR))
    return np.asarray(table[green])
