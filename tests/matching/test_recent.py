"""Laws of `RecentFeatures`: photos used last are not extracted again, and never stale."""

from pathlib import Path
from weakref import ref

import numpy as np
import pytest
from PIL import Image

from mel_debug.core.types import FeatureMap, Photo
from mel_debug.files.photos import read_photo
from mel_debug.matching import photo_cache, recent
from mel_debug.matching.features import PhotoFeatures
from mel_debug.matching.recent import RecentFeatures
from workbench import PatchColours, skin


class Counted:
    """Features that count how often they are extracted."""

    def __init__(self) -> None:
        self.extractor = PatchColours()
        self.names: list[str] = []

    def of(self, photo: Photo) -> FeatureMap:
        self.names.append(Path(photo.name).name)
        return PhotoFeatures(self.extractor, 64).of(photo)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three photos."""
    for number in range(3):
        Image.fromarray(skin(96, 64, number)).save(tmp_path / f"{number}.png")
    return tmp_path


def test_a_photo_is_extracted_once_while_it_is_unchanged(folder: Path) -> None:
    """Opened anew each time, as each search does."""
    counted = Counted()
    features = RecentFeatures(counted)
    first = features.of(read_photo(folder / "0.png"))
    assert features.of(read_photo(folder / "0.png")) is first
    Image.fromarray(skin(96, 64, 7)).save(folder / "0.png")
    again = features.of(read_photo(folder / "0.png"))
    assert not np.array_equal(again.vectors, first.vectors)
    assert counted.names == ["0.png", "0.png"]


@pytest.mark.parametrize(("limit", "value"), [("MOST_PIXELS", 1), ("MOST_PHOTOS", 2)])
def test_memory_is_bounded_but_holds_a_pair(
    folder: Path, limit: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The photo that was not used for the longest time goes first."""
    monkeypatch.setattr(recent, limit, value)
    counted = Counted()
    features = RecentFeatures(counted)
    for number in (0, 1, 0, 2, 0, 1):
        features.of(read_photo(folder / f"{number}.png"))
    assert counted.names == ["0.png", "1.png", "2.png", "1.png"]


@pytest.mark.parametrize(("limit", "value"), [("MOST_PIXELS", 1), ("MOST_PHOTOS", 2)])
def test_a_session_of_many_photos_frees_those_of_earlier_pairs(
    folder: Path, limit: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However small they are; the last two stay."""
    monkeypatch.setattr(photo_cache, limit, value)
    cache = photo_cache.PhotoCache(Counted())
    opened = [ref(cache.of(cache.photo(folder / f"{number}.png")).photo) for number in (0, 1, 2)]
    assert [each() is None for each in opened] == [True, False, False]


def test_photos_in_memory_are_extracted_each_time() -> None:
    """Their pixels may have changed."""
    counted = Counted()
    features = RecentFeatures(counted)
    photo = Photo.of(skin(96, 64))
    assert features.of(photo) is not features.of(photo)
