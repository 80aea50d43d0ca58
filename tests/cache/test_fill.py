"""Laws of filling the cache for many photos."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from caches import Counting, cached, offer, photo
from mel_debug.cache.features import CachedFeatures
from mel_debug.cache.fill import MAX_BATCH_PHOTOS, Failure, Missing, fill, find_missing
from mel_debug.cache.store import FileStore
from mel_debug.core.errors import MelError
from mel_debug.core.types import Photo, Pixels, Vectors
from mel_debug.files.photos import mask_path, read_photo
from mel_debug.matching.tiles import Windows
from tolerance import HALF_STEP, relative_error
from workbench import PatchColours, save, skin


def missing_photo(features: CachedFeatures, paths: Iterable[Path]) -> list[Missing]:
    return [one for one in looked(features, paths) if isinstance(one, Missing)]


def looked(features: CachedFeatures, paths: Iterable[Path]) -> list[Missing | Failure | None]:
    return list(find_missing(features, [(str(path), partial(read_photo, path)) for path in paths]))


def mixed(folder: Path, count: int = 24) -> list[Path]:
    """Photos of three shapes in turn, every other with a mask."""
    folder.mkdir()
    paths = []
    for number in range(count):
        width, height = ((96, 64), (64, 96), (80, 80))[number % 3]
        path = save(skin(width, height, seed=number), folder / f"{number:02}.png")
        if number % 2:
            mask = np.zeros((height, width), dtype=np.uint8)
            mask[: height // 2] = 255
            save(mask, mask_path(path))
        paths.append(path)
    return paths


@pytest.mark.slow
@pytest.mark.parametrize("windows", [None, Windows(32, 0.5)])
def test_features_in_batches_equal_those_of_single_photos(
    tmp_path: Path, windows: Windows | None
) -> None:
    """Except for rounding, whatever the order."""
    paths = mixed(tmp_path / "photos")
    filled = cached(tmp_path / "cache", offer(Counting()), windows=windows)
    assert list(fill(filled, missing_photo(filled, paths))) == [None] * len(paths)
    unused = Counting()
    hits = cached(tmp_path / "cache", offer(unused), windows=windows)
    alone = cached(tmp_path / "alone", offer(Counting()), windows=windows)
    for path in paths:
        hit, computed = hits.of(read_photo(path)), alone.of(read_photo(path))
        assert relative_error(hit.vectors, computed.vectors) <= HALF_STEP
        assert np.array_equal(hit.valid, computed.valid)
        assert hit.grid == computed.grid
    assert unused.built == []


@pytest.mark.slow
def test_photos_of_one_shape_share_forward_passes(tmp_path: Path) -> None:
    """Of at most `MAX_BATCH_PHOTOS`."""
    counting = Counting()
    features = cached(tmp_path / "cache", offer(counting))
    paths = mixed(tmp_path / "photos", 3 * (MAX_BATCH_PHOTOS + 2))
    assert set(fill(features, missing_photo(features, paths))) == {None}
    assert sorted(shape[0] for shape in counting.shapes) == [2, 2, 2, *[MAX_BATCH_PHOTOS] * 3]


def test_a_second_run_finds_nothing_missing(tmp_path: Path) -> None:
    """And builds no extractor."""
    paths = mixed(tmp_path / "photos", 6)
    first = cached(tmp_path / "cache", offer(Counting()))
    list(fill(first, missing_photo(first, paths)))
    counting = Counting()
    assert looked(cached(tmp_path / "cache", offer(counting)), paths) == [None] * 6
    assert counting.built == []


@pytest.mark.slow
def test_a_stopped_run_has_stored_what_it_yielded(tmp_path: Path) -> None:
    """The next run extracts only the rest."""
    paths = mixed(tmp_path / "photos")
    first = cached(tmp_path / "cache", offer(Counting()))
    results = fill(first, missing_photo(first, paths))
    for _ in range(10):
        next(results)
    results.close()
    counting = Counting()
    second = cached(tmp_path / "cache", offer(counting))
    rest = missing_photo(second, paths)
    assert len(rest) == len(paths) - len(first.store.entries())
    assert 10 <= len(first.store.entries()) <= 10 + MAX_BATCH_PHOTOS
    list(fill(second, rest))
    assert counting.photos == len(rest)
    assert looked(second, paths) == [None] * len(paths)


def test_the_same_photo_under_two_names_is_extracted_once(tmp_path: Path) -> None:
    """Its key depends on the content."""
    one, other = photo(tmp_path, name="one.png"), photo(tmp_path, name="other.png")
    counting = Counting()
    features = cached(tmp_path / "cache", offer(counting))
    assert list(fill(features, missing_photo(features, [one, other]))) == [None]
    assert looked(features, [one, other]) == [None, None]
    assert counting.photos == 1


def test_bad_photos_are_reported_by_name_and_do_not_stop_the_others(tmp_path: Path) -> None:
    """Whether they fail when opened, when decoded, or in the extractor."""
    paths = mixed(tmp_path / "photos", 6)
    whole = save(skin(96, 64, seed=77), tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.jpg").write_text("no photo")
    dark = photo(tmp_path, seed=78, name="dark.png")
    save(np.zeros((64, 96), dtype=np.uint8), mask_path(dark))
    white = save(np.full((64, 96, 3), 255, dtype=np.uint8), tmp_path / "white.png")

    class Snowblind(PatchColours):
        def extract(self, images: Pixels) -> Vectors:
            vectors = super().extract(images)
            vectors[(images == 255).all(axis=(1, 2, 3))] = np.nan
            return vectors

    counting = Counting(inner=Snowblind())
    features = cached(tmp_path / "cache", offer(counting))
    seen = looked(features, [*paths, tmp_path / "cut.jpg", tmp_path / "text.jpg", dark, white])
    results = list(fill(features, [one for one in seen if isinstance(one, Missing)]))
    bad = [one for one in [*seen, *results] if isinstance(one, Failure)]
    reasons = {Path(one.name).name: one.reason for one in bad}
    assert sorted(reasons) == ["cut.jpg", "dark.png", "text.jpg", "white.png"]
    assert "cut short" in reasons["cut.jpg"]
    assert "hides the whole photo" in reasons["dark.png"]
    assert "not a photo" in reasons["text.jpg"]
    assert "extractor returned" in reasons["white.png"]
    assert results.count(None) == len(paths)
    assert looked(features, paths) == [None] * len(paths)


def test_an_unexpected_error_is_reported_for_its_photo(tmp_path: Path) -> None:
    """With its class, as the message may not say enough."""

    def explode() -> Photo:
        raise ZeroDivisionError("by zero")

    features = cached(tmp_path / "cache", offer(Counting()))
    assert list(find_missing(features, [("odd.jpg", explode)])) == [
        Failure("odd.jpg", "ZeroDivisionError: by zero")
    ]


def test_a_photo_that_changes_meanwhile_is_reported(tmp_path: Path) -> None:
    """Its features would be stored under the key of the old content."""
    path = photo(tmp_path)
    features = cached(tmp_path / "cache", offer(Counting()))
    missing = missing_photo(features, [path])
    photo(tmp_path, seed=9)
    (result,) = fill(features, missing)
    assert result is not None
    assert "changed while it was read" in result.reason
    assert features.store.entries() == []


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Filling it is the only purpose of the run."""
    (tmp_path / "file").touch()
    features = cached(tmp_path / "file", offer(Counting()))
    missing = missing_photo(features, [photo(tmp_path)])
    with pytest.raises(MelError, match="can't be written"):
        list(fill(features, missing))


@pytest.mark.slow
def test_decoding_runs_only_a_few_batches_ahead(tmp_path: Path) -> None:
    """Memory must not grow with the number of photos."""
    paths = mixed(tmp_path / "photos", 90)
    opened = []

    def note(path: Path) -> Photo:
        opened.append(path)
        return read_photo(path)

    features = cached(tmp_path / "cache", offer(Counting()))
    named = [(str(path), partial(note, path)) for path in paths]
    missing = [one for one in find_missing(features, named) if isinstance(one, Missing)]
    opened.clear()
    results = fill(features, missing)
    next(results)
    assert len(opened) <= 3 * MAX_BATCH_PHOTOS
    results.close()


def test_features_are_stored_under_the_key_of_the_photo(tmp_path: Path) -> None:
    """The key is that of `CachedFeatures.key_of`."""
    features = cached(tmp_path / "cache", offer(Counting()))
    path = photo(tmp_path)
    list(fill(features, missing_photo(features, [path])))
    key = features.key_of(read_photo(path))
    assert key is not None
    assert FileStore(tmp_path / "cache", 1).path_of(key).exists()
