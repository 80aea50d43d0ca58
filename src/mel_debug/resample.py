"""Scaling pixels and masks by area, with Pillow.

Pillow's BOX filter averages areas as OpenCV's INTER_AREA does (within 0.15 grey levels) and needs
no float copy of the photo.
"""

import numpy as np
from numpy.typing import NDArray

from mel_debug.geometry import Size

KEPT_SHARE = 0.5
"""A cell belongs to the photo's masked-in area when at least this share of it does."""


def fitted(size: Size, longest: int) -> Size:
    """A size made to fit `longest` pixels, aspect kept to the pixel, each side at least 1."""
    width, height = (
        max(1, round(side * longest / size.longest)) for side in (size.width, size.height)
    )
    return Size(width, height)


def resized(pixels: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Scale (height, width, 3) or (height, width) pixels: area mean down, bilinear up."""
    from PIL import Image

    height, width = pixels.shape[:2]
    if (width, height) == (size.width, size.height):
        return pixels
    shrinks = size.width <= width and size.height <= height
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    image = Image.fromarray(pixels).resize((size.width, size.height), method)
    return np.asarray(image)


def painted(
    pixels: NDArray[np.uint8], mask: NDArray[np.bool_], colour: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """A copy of (height, width, 3) pixels with `colour` wherever the mask is False."""
    copy = np.empty(pixels.shape, dtype=np.uint8)
    for channel, value in enumerate(colour):
        copy[..., channel] = np.where(mask, pixels[..., channel], np.uint8(value))
    return copy


def kept_cells(mask: NDArray[np.bool_], rows: int, columns: int) -> NDArray[np.bool_]:
    """Which cells of a grid over the mask are kept: those with at least half their area True."""
    grey = mask.astype(np.uint8) * np.uint8(255)
    return resized(grey, Size(columns, rows)) >= KEPT_SHARE * 255
