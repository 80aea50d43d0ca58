"""A model for images of one size sees larger ones in tiles."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mel_debug.builtin.extractors.tiling import in_tiles
from mel_debug.core.types import Pixels, Vectors
from workbench import PatchColours, skin

PATCH = 8


@given(
    cells=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    tile=st.tuples(st.integers(1, 5), st.integers(1, 5)),
)
@settings(max_examples=50, deadline=None)
def test_tiles_give_the_vectors_of_the_whole_image(
    cells: tuple[int, int], tile: tuple[int, int]
) -> None:
    """If each vector depends on its own patch only, for images larger and smaller than a tile."""
    height, width = (PATCH * n for n in cells)
    images = np.stack([skin(width, height, seed) for seed in (1, 2)])
    sizes = tuple(PATCH * n for n in tile)
    seen: list[tuple[int, ...]] = []

    def extract(part: Pixels) -> Vectors:
        seen.append(part.shape[1:3])
        return PatchColours(PATCH).extract(part)

    vectors = in_tiles(extract, images, (sizes[0], sizes[1]), PATCH)
    assert np.array_equal(vectors, PatchColours(PATCH).extract(images))
    assert set(seen) == {sizes}
    assert vectors.flags.c_contiguous
