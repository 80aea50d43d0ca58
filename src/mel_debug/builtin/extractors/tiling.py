"""Features of an image of any size by a model that only takes images of one size: tile by tile."""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np

from mel_debug.core.types import Pixels, Vectors


def in_tiles(
    extract: Callable[[Pixels], Vectors], images: Pixels, tile: tuple[int, int], patch: int
) -> Vectors:
    """(count, height, width, 3) uint8 to (count, rows, columns, dimensions), one tile at a time.

    `extract` takes images of the height and width `tile`, which are multiples of `patch`, as are
    the sides of `images`. The last tile of a row or column ends with the image, and overlaps the
    one before. An image smaller than a tile is continued by its last row and column.
    """
    height, width = images.shape[1:3]
    margin = [(0, max(0, side - own)) for side, own in zip(tile, (height, width), strict=True)]
    whole = np.pad(images, ((0, 0), *margin, (0, 0)), mode="edge")
    rows, columns = (side // patch for side in whole.shape[1:3])
    vectors = np.empty((len(images), rows, columns, 0), np.float32)
    for top, left in product(_starts(whole.shape[1], tile[0]), _starts(whole.shape[2], tile[1])):
        part = extract(np.ascontiguousarray(whole[:, top : top + tile[0], left : left + tile[1]]))
        if vectors.shape[-1] == 0:
            vectors = np.empty((len(images), rows, columns, part.shape[-1]), np.float32)
        row, column = top // patch, left // patch
        vectors[:, row : row + part.shape[1], column : column + part.shape[2]] = part
    return np.ascontiguousarray(vectors[:, : height // patch, : width // patch])


def _starts(side: int, tile: int) -> Iterator[int]:
    yield from range(0, side - tile, tile)
    yield side - tile
