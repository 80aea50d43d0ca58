"""A photo's pixels, held by Pillow or by numpy, whichever was asked for last, and never by both.

A photo of 25 megapixels takes 100 MB in one and 75 MB in the other. What only scales it down does
that in Pillow, so that no copy in numpy is made at all.
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
"""(height, width); True where the photo counts."""

Colour = tuple[int, int, int]
"""RGB, each 0 to 255."""

Held = Union["Image", Pixels]

ROWS_AT_ONCE = 64
"""Rows that Pillow hands over at a time; all at once leave the cache, and take twice as long."""


class ImageBuffer:
    """RGB pixels of one photo: (height, width, 3) uint8, or an image of Pillow in mode RGB.

    An image belongs to the buffer from then on; an array is left as it is. Raises ValueError for
    an array of another shape.
    """

    def __init__(self, held: Held) -> None:
        if isinstance(held, np.ndarray) and (held.ndim != 3 or held.shape[2] != 3):
            raise ValueError(f"pixels must be (height, width, 3) RGB, not {held.shape}")
        self._held = held
        self._turn = threading.Lock()

    @property
    def size(self) -> Size:
        """In pixels."""
        held = self._held  # another thread may be turning it into an array
        if isinstance(held, np.ndarray):
            return Size(held.shape[1], held.shape[0])
        return Size(*held.size)

    @property
    def pixels(self) -> Pixels:
        """(height, width, 3) uint8; the same array each time."""
        with self._turn:
            if not isinstance(self._held, np.ndarray):
                self._held = _array_of(self._held)
            return self._held

    def resized(self, size: Size) -> Pixels:
        """See `resample.resized`."""
        return resized(self._held, size)

    def painted(self, mask: Mask, colour: Colour, *, in_place: bool = False) -> "ImageBuffer":
        """A buffer with `colour` wherever the mask is False; this one is not usable if `in_place`.

        An array is copied all the same.
        """
        held = self._held
        if isinstance(held, np.ndarray):
            return ImageBuffer(_painted(held, mask, colour))
        from PIL import Image

        image = held if in_place else held.copy()
        image.paste(colour, (0, 0), Image.fromarray(~mask))
        return ImageBuffer(image)


def _painted(pixels: Pixels, mask: Mask, colour: Colour) -> Pixels:
    copy = np.empty(pixels.shape, dtype=np.uint8)
    for channel, value in enumerate(colour):
        copy[..., channel] = np.where(mask, pixels[..., channel], np.uint8(value))
    return copy


def _array_of(image: "Image") -> Pixels:
    width, height = image.size
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    for top in range(0, height, ROWS_AT_ONCE):
        rows = image.crop((0, top, width, min(top + ROWS_AT_ONCE, height)))
        pixels[top : top + ROWS_AT_ONCE] = np.asarray(rows)
    return pixels
