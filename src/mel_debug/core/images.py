"""The pixels of a photo, stored as a Pillow image or as a numpy array, but never as both.

A photo of 25 megapixels takes 100 MB in Pillow and 75 MB in numpy. Code that only scales it down
uses Pillow, so that no numpy copy is made.
"""

import threading
from typing import TYPE_CHECKING, Union

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.geometry import Size
from mel_debug.core.scaling import resized

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = NDArray[np.uint8]
"""RGB as shown, (height, width, 3)."""

Mask = NDArray[np.bool_]
"""(height, width); True where pixels are valid."""

Colour = tuple[int, int, int]
"""RGB, each 0 to 255."""

ImageOrPixels = Union["Image", Pixels]
"""A Pillow image in mode RGB, or an array."""

ROWS_AT_ONCE = 64
"""Rows converted at a time; a whole photo exceeds the processor cache and takes twice as long."""


class ImageBuffer:
    """RGB pixels of one photo: a (height, width, 3) uint8 array, or a Pillow image in mode RGB.

    The buffer takes over an image and may change it; an array is never changed. Raises ValueError
    for an array of another shape.
    """

    def __init__(self, data: ImageOrPixels) -> None:
        if isinstance(data, np.ndarray) and (data.ndim != 3 or data.shape[2] != 3):
            raise ValueError(f"pixels must be (height, width, 3) RGB, not {data.shape}")
        self._data = data
        self._converting = threading.Lock()

    @property
    def size(self) -> Size:
        """In pixels."""
        data = self._data  # read once: another thread may replace it by an array
        if isinstance(data, np.ndarray):
            return Size(data.shape[1], data.shape[0])
        return Size(*data.size)

    @property
    def pixels(self) -> Pixels:
        """(height, width, 3) uint8; the same array each time."""
        with self._converting:
            if not isinstance(self._data, np.ndarray):
                self._data = _array_of(self._data)
            return self._data

    def part(self, rows: slice, columns: slice) -> Pixels:
        """The pixels of a part, which lies inside; the whole image is not converted to an array."""
        data = self._data  # read once: another thread may replace it by an array
        if isinstance(data, np.ndarray):
            return data[rows, columns]
        return np.asarray(data.crop((columns.start, rows.start, columns.stop, rows.stop)))

    def resized(self, size: Size) -> Pixels:
        """See `scaling.resized`."""
        return resized(self._data, size)

    def painted(self, mask: Mask, colour: Colour, *, in_place: bool = False) -> "ImageBuffer":
        """A buffer with `colour` wherever the mask is False.

        With `in_place` a Pillow image is changed instead of copied, and this buffer must not be
        used again.
        """
        data = self._data
        if isinstance(data, np.ndarray):
            return ImageBuffer(_painted(data, mask, colour))
        from PIL import Image

        image = data if in_place else data.copy()
        image.paste(colour, (0, 0), Image.fromarray(~mask))
        return ImageBuffer(image)


def _painted(pixels: Pixels, mask: Mask, colour: Colour) -> Pixels:
    import cv2

    height, width = mask.shape
    # Repeated rows are filled 10 times as fast as repeated pixels.
    filled = np.empty((height, width * 3), dtype=np.uint8)
    filled[:] = np.tile(np.array(colour, dtype=np.uint8), width)
    painted: Pixels = cv2.copyTo(pixels, mask.view(np.uint8), filled.reshape(pixels.shape))
    return painted


def _array_of(image: "Image") -> Pixels:
    width, height = image.size
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    for top in range(0, height, ROWS_AT_ONCE):
        rows = image.crop((0, top, width, min(top + ROWS_AT_ONCE, height)))
        pixels[top : top + ROWS_AT_ONCE] = np.asarray(rows)
    return pixels
