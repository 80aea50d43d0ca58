"""Scaling pixels and masks by area, with Pillow.

Pillow's BOX filter averages areas like OpenCV's INTER_AREA (within 0.15 grey levels, measured) and
needs no float copy of the photo.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.geometry import Size

if TYPE_CHECKING:
    from PIL.Image import Image as ImageType

VALID_SHARE = 0.5
"""A cell is valid if at least this share of its area is inside the mask."""


def fitted(size: Size, longest: int) -> Size:
    """A size scaled so that its longer side is `longest` pixels, each side at least 1."""
    width, height = (
        max(1, round(side * longest / size.longest)) for side in (size.width, size.height)
    )
    return Size(width, height)


def resized(pixels: "NDArray[np.uint8] | ImageType", size: Size) -> NDArray[np.uint8]:
    """Scale (height, width, 3) or (height, width) pixels: area mean down, bilinear up.

    The pixels may be a Pillow image; returns an array.
    """
    from PIL import Image

    if isinstance(pixels, np.ndarray):
        if pixels.shape[:2] == (size.height, size.width):
            return pixels
        pixels = Image.fromarray(pixels)
    shrinks = size.width <= pixels.width and size.height <= pixels.height
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    return np.asarray(pixels.resize((size.width, size.height), method))


def valid_cells(mask: NDArray[np.bool_], rows: int, columns: int) -> NDArray[np.bool_]:
    """(rows, columns) bool: the cells of a grid with at least half their area inside the mask."""
    grey = mask.astype(np.uint8) * np.uint8(255)
    return resized(grey, Size(columns, rows)) >= VALID_SHARE * 255
