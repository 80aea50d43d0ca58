"""Hypothesis strategies that several test files share."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from mel_debug.core.geometry import Cell, PatchGrid, Point, Size

LONGEST_SIDE = 12_000
PATCHES = (8, 14, 16)

sides = st.integers(1, LONGEST_SIDE)
sizes = st.builds(Size, sides, sides)
patches = st.sampled_from(PATCHES)
fits = st.tuples(patches, st.integers(1, 160)).map(lambda fit: (fit[0], fit[0] * fit[1]))
"""A patch and an image size that it divides."""

seeds = st.integers(0, 2**32 - 1)


@st.composite
def grids(draw: st.DrawFn) -> PatchGrid:
    """The grid of any photo at any image size."""
    patch, image_size = draw(fits)
    return PatchGrid.fit(draw(sizes), image_size, patch)


@st.composite
def cells(draw: st.DrawFn, grid: PatchGrid) -> Cell:
    """Any cell of a grid."""
    return Cell(
        draw(st.integers(0, grid.rows - 1)),
        draw(st.integers(0, grid.columns - 1)),
    )


@st.composite
def points(draw: st.DrawFn, size: Size) -> Point:
    """Any place inside a photo."""
    return Point(
        draw(st.floats(0, size.width, exclude_max=True)),
        draw(st.floats(0, size.height, exclude_max=True)),
    )


@st.composite
def marks(draw: st.DrawFn, size: Size) -> tuple[int, int]:
    """Any pixel of a photo, as a moles file would name it."""
    return draw(st.integers(0, size.width - 1)), draw(st.integers(0, size.height - 1))


def pixels(height: int, width: int) -> st.SearchStrategy[NDArray[np.uint8]]:
    """Any small RGB picture of a given size."""
    return hnp.arrays(np.uint8, (height, width, 3))


def masks(height: int, width: int) -> st.SearchStrategy[NDArray[np.bool_]]:
    """Any mask of a given size."""
    return hnp.arrays(np.bool_, (height, width))
