"""Scaling pixels and masks by area, with Pillow.

Pillow's BOX filter averages areas like OpenCV's INTER_AREA (within 0.15 grey levels, measured) and
needs no float copy of the photo.
"""

from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.geometry import Size
from mel_debug.core.threads import in_threads

if TYPE_CHECKING:
    from PIL.Image import Image as ImageType

VALID_SHARE = 0.5
"""A cell is valid if at least this share of its area is inside the mask."""


STRIP_ROWS = 16
"""Rows of the result that are scaled at a time: some 50 rows of 4000 pixels, half a megabyte."""


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


def resized_in_strips(
    rows_of: Callable[[slice], NDArray[np.uint8]], size: Size, new: Size
) -> NDArray[np.uint8]:
    """Scale a photo of `size` like `resized`, some rows at a time, so that no copy is made of it.

    `rows_of` returns (rows, width, 3) pixels of the photo; threads may call it. Strips that fit
    into the processor's cache take less than half of the time of a whole copy. A row whose middle
    lies between two rows of the result may count to the other one.
    """
    from PIL import Image

    if new.width > size.width or new.height > size.height or new == size:
        return resized(rows_of(slice(0, size.height)), new)
    scaled = np.empty((new.height, new.width, 3), dtype=np.uint8)
    step = size.height / new.height

    def scale(part: slice) -> None:
        for top in range(part.start, part.stop, STRIP_ROWS):
            bottom = min(top + STRIP_ROWS, part.stop)
            first, last = int(top * step), min(size.height, ceil(bottom * step))
            box = (0, top * step - first, size.width, min(bottom * step, size.height) - first)
            strip = Image.fromarray(rows_of(slice(first, last)))
            scaled[top:bottom] = np.asarray(
                strip.resize((new.width, bottom - top), Image.Resampling.BOX, box)
            )

    in_threads(scale, new.height, STRIP_ROWS)
    return scaled


def valid_cells(mask: NDArray[np.bool_], rows: int, columns: int) -> NDArray[np.bool_]:
    """(rows, columns) bool: the cells of a grid with at least half their area inside the mask."""
    grey = mask.astype(np.uint8) * np.uint8(255)
    return resized(grey, Size(columns, rows)) >= VALID_SHARE * 255
