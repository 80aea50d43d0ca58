"""Array types and helpers of the geometric matcher."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.matchers.similarity import unit
from mel_debug.core.types import FeatureMap

Array = NDArray[np.floating]
Flags = NDArray[np.bool_]
Picture = NDArray[np.uint8]


def centres(cells: NDArray[np.intp]) -> Array:
    """Convert (n, 2) rows and columns to the (x, y) of the cells' centres, in cells."""
    places: Array = cells[:, ::-1] + 0.5
    return places


def with_ones(places: Array) -> Array:
    """Append a column of ones: (n, 2) points to (n, 3), ready for a (3, 2) affine map."""
    return np.hstack([places, np.ones((len(places), 1))])


@dataclass(frozen=True, slots=True, eq=False)
class CellFeatures:
    """The features of a photo's cells.

    `vectors` is (rows, columns, dimensions) of unit length, `valid` the (rows, columns) valid mask
    and `cell` the size (x, y) of a cell in photo pixels.
    """

    vectors: NDArray[np.float32]
    valid: Flags
    cell: Array

    @classmethod
    def of(cls, features: FeatureMap) -> "CellFeatures":
        return cls(unit(features.vectors), features.valid, np.array(features.grid.cell_size))
