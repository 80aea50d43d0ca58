"""Laws of the pictures of photos that the page shows, which are made once."""

from pathlib import Path

import numpy as np
import pytest

from mel_debug.cache.results import Results
from mel_debug.cache.shown import ShownPreviews
from mel_debug.cache.store import FileStore
from mel_debug.files.photos import mask_path, read_photo
from mel_debug.page.album import PREVIEW_MADE, Album
from workbench import save, skin


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A photo whose mask hides its left half."""
    path = save(skin(120, 90), tmp_path / "photo.png")
    mask = np.zeros((90, 120), np.uint8)
    mask[:, 60:] = 255
    save(mask, mask_path(path))
    return path


def album(path: Path, store: FileStore, made: str = PREVIEW_MADE) -> Album:
    return Album([path], stored=ShownPreviews(store, made))


def test_a_preview_is_made_once(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later album shows the same bytes, and decodes nothing; the mask is not painted."""
    store = FileStore(tmp_path / "cache", 10**7)
    first = album(path, store).preview(0)
    assert first == Album([path]).preview(0)
    monkeypatch.setattr("mel_debug.files.photos._read_pixels", None)
    assert album(path, store).preview(0) == first
    assert [entry.path.suffix for entry in store.entries()] == [".variant"]


def test_a_changed_photo_or_another_way_to_make_it_has_another_preview(
    path: Path, tmp_path: Path
) -> None:
    store = FileStore(tmp_path / "cache", 10**7)
    first = album(path, store).preview(0)
    photo = read_photo(path)
    assert ShownPreviews(store, "otherwise").of(photo, lambda: b"other") == b"other"
    save(skin(120, 90, seed=5), path)
    assert album(path, store).preview(0) != first


def test_a_photo_that_changes_meanwhile_is_not_stored(path: Path, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "cache", 10**7)

    def make() -> bytes:
        save(skin(120, 90, seed=6), path)
        return b"old"

    assert ShownPreviews(store, "so").of(read_photo(path), make) == b"old"
    assert store.entries() == []


def test_a_damaged_preview_is_made_again(path: Path, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "cache", 10**7)
    first = album(path, store).preview(0)
    (entry,) = store.entries()
    entry.path.write_bytes(entry.path.read_bytes()[:-40])
    assert album(path, store).preview(0) == first
    key = entry.path.stem
    assert "jpeg" in (Results(store).find(key, of_pair=False) or {})
