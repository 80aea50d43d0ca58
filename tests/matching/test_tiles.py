"""Laws of looking through windows."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mel_debug.core.errors import UsageError
from mel_debug.core.types import Photo, Pixels, Vectors
from mel_debug.matching.features import PhotoFeatures
from mel_debug.matching.tiles import BATCH_PIXELS, Windows, extract_in_windows

PATCH = 4


class Neighbourly:
    """A translation-equivariant extractor: the mean colour of a cell and of its four neighbours.

    Beyond the image it sees black, so a cell at a window's edge lacks context.
    """

    patch = PATCH
    mean_colour = (0, 0, 0)

    def __init__(self) -> None:
        self.largest = 0

    def extract(self, images: Pixels) -> Vectors:
        self.largest = max(self.largest, images.nbytes)
        count, height, width = images.shape[:3]
        cells = images.reshape(count, height // PATCH, PATCH, width // PATCH, PATCH, 3)
        own = cells.mean(axis=(2, 4), dtype=np.float32)
        padded = np.pad(own, ((0, 0), (1, 1), (1, 1), (0, 0)))
        near = (
            padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1] + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]
        )
        return np.concatenate([own, near / 4], axis=-1)


def noise(rows: int, columns: int) -> Pixels:
    generator = np.random.default_rng(rows * 1000 + columns)
    return generator.integers(0, 256, (rows * PATCH, columns * PATCH, 3), dtype=np.uint8)


@settings(deadline=None)
@given(
    rows=st.integers(1, 60),
    columns=st.integers(1, 60),
    window=st.integers(12, 40),
    overlap=st.floats(0.34, 0.8),
)
def test_windows_give_what_the_whole_gives(
    rows: int, columns: int, window: int, overlap: float
) -> None:
    """With an overlap of four cells or more no seam shows: every cell is as from the whole."""
    image = noise(rows, columns)
    whole = Neighbourly().extract(image[np.newaxis])[0]
    seen = extract_in_windows(Neighbourly(), image, Windows(window * PATCH, overlap))
    np.testing.assert_allclose(seen, whole, atol=1e-3)


@given(cells=st.integers(1, 500), window=st.integers(1, 100), overlap=st.floats(0, 0.9))
def test_windows_cover_the_whole_and_overlap_enough(
    cells: int, window: int, overlap: float
) -> None:
    """The first starts at 0, the last ends at the end, and neighbours share the overlap."""
    starts = Windows(window * PATCH, overlap).starts(cells, PATCH)
    width = min(window, cells)
    assert starts[0] == 0
    assert starts[-1] + width == cells
    for before, after in pairwise(starts):
        assert before < after
        assert before + width - after >= int(width * overlap)


@pytest.mark.slow
def test_memory_follows_the_window_and_not_the_photo() -> None:
    """No batch is larger than the budget or one window, however large the photo."""
    extractor = Neighbourly()
    photo = Photo.of(noise(700, 500))
    features = PhotoFeatures(extractor, None, Windows(160, 0.25)).of(photo)
    assert (features.grid.rows, features.grid.columns) == (700, 500)
    assert extractor.largest <= 3 * max(BATCH_PIXELS, 160 * 160)


def test_a_window_smaller_than_a_patch_is_refused() -> None:
    """The error names both sizes."""
    with pytest.raises(UsageError, match="window of 3 px is smaller than a patch of 4 px"):
        Windows(3).starts(10, PATCH)
