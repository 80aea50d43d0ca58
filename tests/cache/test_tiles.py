"""Laws of tiles: parts of a photo are the same with and without decoding it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mel_debug.cache import tiles
from mel_debug.cache.store import FileStore, Kind
from mel_debug.cache.tiles import SIDE, StoredTiles
from mel_debug.core.geometry import Size
from mel_debug.core.photo import Photo, Preview, Region

KEY = "5" * 64
HEIGHT, WIDTH = SIDE + 100, 2 * SIDE + 1


def pixels(seed: int = 0) -> np.ndarray:
    """Noise, all of whose differences occur."""
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def stored_in(folder: Path, key: str = KEY) -> StoredTiles:
    """The tiles of one photo, as a new process opens them."""
    return StoredTiles(FileStore(folder, 10**9), key, Size(WIDTH, HEIGHT))


class NotDecoded:
    """A photo that must not be decoded."""

    def __call__(self, *_: slice) -> Region:
        raise AssertionError("the photo is decoded")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Region]:
    """A folder with all tiles of a photo, and the photo."""
    folder = tmp_path_factory.mktemp("tiles")
    whole = Region(pixels(), pixels(1)[..., 0] > 99)
    stored_in(folder).region(slice(0, HEIGHT), slice(0, WIDTH), whole.part, is_decoded=False)
    return folder, whole


@pytest.mark.slow
@settings(max_examples=40)
@given(st.data())
def test_any_part_is_read_as_it_was(filled: tuple[Path, Region], data: st.DataObject) -> None:
    """Across the edges of tiles, without decoding the photo."""
    folder, whole = filled
    top, left = data.draw(st.integers(0, HEIGHT - 1)), data.draw(st.integers(0, WIDTH - 1))
    rows = slice(top, data.draw(st.integers(top + 1, HEIGHT)))
    columns = slice(left, data.draw(st.integers(left + 1, WIDTH)))
    found = stored_in(folder).region(rows, columns, NotDecoded(), is_decoded=False)
    assert np.array_equal(found.pixels, whole.pixels[rows, columns])
    assert whole.mask is not None
    assert found.mask is not None
    assert np.array_equal(found.mask, whole.mask[rows, columns])


def test_a_photo_without_a_mask_has_none_in_its_tiles(tmp_path: Path) -> None:
    """As None is faster than a mask of ones."""
    whole = Region(pixels(), None)
    part = slice(0, 20), slice(SIDE - 5, SIDE + 5)
    for decode in (whole.part, NotDecoded()):
        found = stored_in(tmp_path).region(*part, decode, is_decoded=False)
        assert found.mask is None
        assert np.array_equal(found.pixels, whole.pixels[part])


@pytest.mark.slow
def test_a_damaged_or_missing_tile_is_made_again(tmp_path: Path) -> None:
    """And replaced."""
    whole = Region(pixels(), None)
    part = slice(0, 20), slice(SIDE - 5, SIDE + 5)
    stored_in(tmp_path).region(*part, whole.part, is_decoded=False)
    entries = FileStore(tmp_path, 10**9).entries()
    assert [entry.kind for entry in entries] == [Kind.TILE, Kind.TILE]
    entries[0].path.write_bytes(entries[0].path.read_bytes()[:-50])
    entries[1].path.unlink()
    with pytest.raises(AssertionError, match="decoded"):
        stored_in(tmp_path).region(*part, NotDecoded(), is_decoded=False)
    stored_in(tmp_path).region(*part, whole.part, is_decoded=False)
    again = stored_in(tmp_path).region(*part, NotDecoded(), is_decoded=False)
    assert np.array_equal(again.pixels, whole.pixels[part])


def test_another_photo_has_other_tiles(filled: tuple[Path, Region]) -> None:
    """By the key of its features."""
    with pytest.raises(AssertionError, match="decoded"):
        stored_in(filled[0], "6" * 64).region(
            slice(0, 9), slice(0, 9), NotDecoded(), is_decoded=False
        )


def test_a_process_stores_a_few_tiles_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More would take longer than decoding the photo."""
    monkeypatch.setattr(tiles, "MOST_STORED", 3)
    whole = Region(pixels(), None)
    stored_in(tmp_path).region(slice(0, HEIGHT), slice(0, WIDTH), whole.part, is_decoded=False)
    assert len(FileStore(tmp_path, 10**9).entries()) == 3


def test_a_photo_that_is_decoded_anyway_stores_no_tiles(tmp_path: Path) -> None:
    """They would save nothing."""
    whole = Region(pixels(), None)
    found = stored_in(tmp_path).region(slice(3, 9), slice(0, 9), whole.part, is_decoded=True)
    assert np.array_equal(found.pixels, whole.pixels[3:9, :9])
    assert FileStore(tmp_path, 10**9).entries() == []


def test_a_photo_reads_its_regions_from_tiles_until_it_is_decoded(tmp_path: Path) -> None:
    """Then from memory."""
    loads = []

    def load() -> np.ndarray:
        loads.append(1)
        return pixels()

    def opened() -> Photo:
        photo = Photo("photo", Size(WIDTH, HEIGHT), load)
        preview = Preview(np.zeros((3, 4, 3), np.uint8), None)
        return photo.with_preview(lambda: preview, stored_in(tmp_path))

    part = slice(3, 9), slice(SIDE - 1, SIDE + 1)
    first, second = opened(), opened()
    for photo in (first, second):
        assert np.array_equal(photo.region(*part).pixels, pixels()[part])
    assert len(loads) == 1
    assert second.pixels.shape == (HEIGHT, WIDTH, 3)
    assert np.array_equal(second.region(slice(0, 1), slice(0, 9)).pixels, pixels()[:1, :9])
    assert len(loads) == 2
