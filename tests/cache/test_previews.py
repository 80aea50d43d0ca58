"""Laws of stored previews, which replace decoding a cached photo."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caches import Counting, cached, offer
from mel_debug.cache.previews import StoredPreview
from mel_debug.confidence.blobs import blob_at
from mel_debug.core.geometry import Point, Size
from mel_debug.core.photo import PREVIEW_SIDE, Photo, Preview
from mel_debug.files.photos import mask_path, read_photo
from workbench import save, skin

WIDTH, HEIGHT = 2400, 1500


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo larger than a preview; its mask covers the left two thirds."""
    folder = tmp_path_factory.mktemp("large")
    path = save(skin(WIDTH, HEIGHT), folder / "large.jpg")
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, : WIDTH * 2 // 3] = 255
    save(mask, mask_path(path))
    return path


@given(st.integers(1, 70), st.integers(1, 70), st.booleans())
def test_a_stored_preview_equals_the_original(width: int, height: int, masked: bool) -> None:
    """The mask to the bit, the pixels within the error of a JPEG of high quality."""
    pixels = np.full((height, width, 3), (180, 140, 120), np.uint8)
    mask = np.random.default_rng(width).random((height, width)) < 0.5 if masked else None
    opened = StoredPreview.of(Preview(pixels, mask)).open()
    assert abs(opened.pixels.astype(int) - pixels).max() <= 3
    if mask is None:
        assert opened.mask is None
    else:
        assert opened.mask is not None
        assert np.array_equal(opened.mask, mask)


def test_a_small_photo_is_its_own_preview() -> None:
    """To the pixel: storing a preview would lose quality and save nothing."""
    photo = Photo.of(skin(64, 48))
    assert photo.preview.pixels is photo.pixels


@pytest.mark.slow
def test_the_preview_of_a_large_photo_keeps_its_shape(large: Path) -> None:
    """Its longer side has the maximum length."""
    photo = read_photo(large)
    assert photo.preview.size == Size(PREVIEW_SIDE, PREVIEW_SIDE * HEIGHT // WIDTH)
    assert photo.preview.mask is not None
    assert photo.preview.mask.mean() == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.slow
def test_a_cached_photo_is_searched_and_drawn_without_decoding_it(
    large: Path, tmp_path: Path
) -> None:
    """Features, blobs and the picture come from the cache and equal those of the first run."""
    features = cached(tmp_path, offer(Counting(), "weights"))
    first = features.of(read_photo(large)).photo
    photo = read_photo(large)
    again = features.of(Photo(photo.name, photo.size, _refuse, _refuse, photo.key)).photo
    place, size = Point(700, 600), Size(64, 40)
    assert np.array_equal(again.displayed(size), first.displayed(size))
    assert np.array_equal(again.preview.pixels, first.preview.pixels)
    here, there = blob_at(first, place), blob_at(again, place)
    assert (here.contrast, here.sigma) == pytest.approx((there.contrast, there.sigma))


def _refuse() -> Any:
    raise AssertionError("decoded")
