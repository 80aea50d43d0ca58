"""Whether dark blobs contradict a warp field, on drawn skin."""

import numpy as np
import pytest

from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.spot_check import (
    FEW_MATCHES,
    LEAST_BLOBS,
    is_contradicted,
)
from mel_debug.builtin.matchers.geometric.warp_field import WarpField
from mel_debug.core.types import Photo
from spotted import apart, spotted

SIDE, CELL = 600, 8.0
CELLS = (np.full(2, CELL), np.full(2, CELL))


def skin(spots: np.ndarray, size: float = 2.0) -> Photo:
    """Return a photo of even skin with dark spots at (n, 2) pixels."""
    return spotted(spots, SIDE, size)


def field(affine: np.ndarray) -> WarpField:
    """Return a warp field that is known everywhere and does not bend; `affine` is (2, 3), cells."""
    cells = SIDE // int(CELL)
    found = WarpField(PlaneMap(np.vstack([affine, [0, 0, 1]])), (cells, cells))
    across, down = np.meshgrid(np.arange(0, cells, 2), np.arange(0, cells, 2))
    places = np.column_stack([across.ravel(), down.ravel()]).astype(float)
    found.grow(places, np.zeros_like(places), np.ones(len(places), dtype=bool))
    return found


@pytest.fixture
def spots() -> np.ndarray:
    """60 spots that are apart from each other."""
    return apart(60, 40, SIDE - 40, 20, 9)


MIRROR = np.array([[-1.0, 0, SIDE], [0, 1, 0]])
TURN = np.array([[0.8, -0.3, 8 * CELL], [0.3, 0.8, -2 * CELL]])
SHEAR = np.array([[1.0, 0.4, -10 * CELL], [0, 1, 0]])


def mapped(affine: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return (n, 2) pixels of the source in the target."""
    there: np.ndarray = places @ affine[:, :2].T + affine[:, 2]
    return there


def in_cells(affine: np.ndarray) -> np.ndarray:
    """Return the same map between cells."""
    return np.column_stack([affine[:, :2], affine[:, 2] / CELL])


def test_a_right_field_is_not_contradicted(spots: np.ndarray) -> None:
    """Even if half of the spots of either photo are not in the other."""
    photos = skin(spots[:40]), skin(mapped(TURN, spots[20:]))
    assert not is_contradicted(photos, field(in_cells(TURN)), CELLS, 300)


def test_a_shear_to_a_mirrored_photo_is_contradicted(spots: np.ndarray) -> None:
    """Spots of the mirrored skin are not where it leads, unless many matches support it."""
    photos = skin(spots), skin(mapped(MIRROR, spots))
    assert is_contradicted(photos, field(in_cells(SHEAR)), CELLS, 300)
    assert not is_contradicted(photos, field(in_cells(SHEAR)), CELLS, FEW_MATCHES)


def test_few_spots_and_photos_of_another_size_contradict_nothing(spots: np.ndarray) -> None:
    """Photos that show other spots cannot agree."""
    few = spots[: LEAST_BLOBS // 2]
    assert not is_contradicted(
        (skin(few), skin(mapped(MIRROR, few))), field(in_cells(SHEAR)), CELLS, 300
    )
    smaller = np.array([[0.3, 0, 200], [0, 0.3, 200]])
    photos = skin(spots), skin(mapped(MIRROR, spots))
    assert not is_contradicted(photos, field(in_cells(smaller)), CELLS, 300)
    bare = skin(np.empty((0, 2)))
    assert not is_contradicted((skin(spots), bare), field(in_cells(SHEAR)), CELLS, 300)
