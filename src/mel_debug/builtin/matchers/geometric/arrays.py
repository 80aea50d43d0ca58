"""Feature maps, photos and places as plain arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.matchers.similarity import unit
from mel_debug.core.types import FeatureMap

Array = NDArray[np.floating]
Flags = NDArray[np.bool_]
Picture = NDArray[np.uint8]


def centres(cells: NDArray[np.intp]) -> Array:
    """(n, 2) rows and columns to the (x, y) of the cells' centres, in cells."""
    places: Array = cells[:, ::-1] + 0.5
    return places


def with_ones(places: Array) -> Array:
    """(n, 2) to (n, 3), so that an affine map is one product with a (3, 2) array."""
    return np.hstack([places, np.ones((len(places), 1))])


@dataclass(frozen=True, slots=True, eq=False)
class Coarse:
    """A photo's cells: unit vectors, which count, and the size (x, y) of one in photo pixels."""

    vectors: NDArray[np.float32]
    valid: Flags
    cell: Array

    @classmethod
    def of(cls, features: FeatureMap) -> "Coarse":
        return cls(unit(features.vectors), features.valid, np.array(features.grid.cell_size))
