"""Laws of cached features: never stale, equal to computed ones, and without cost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ImageFile

from caches import Counting, cached, half_mask, offer, photo
from mel_debug.cache.encoding import MAX_HALF_ERROR
from mel_debug.core.errors import MelWarning, WeightsError
from mel_debug.core.geometry import Point
from mel_debug.core.option import Option
from mel_debug.core.stages import BuildOptions
from mel_debug.core.types import FeatureMap, Photo, Pixels, Vectors
from mel_debug.files.photos import mask_path, read_photo
from mel_debug.matching.features import PhotoFeatures
from mel_debug.matching.locate import locate
from mel_debug.matching.tiles import Windows
from tolerance import HALF_STEP, relative_error
from workbench import PatchColours, matcher, renderer, save, skin


def same(one: FeatureMap, other: FeatureMap, *, apart: float = 0.0) -> bool:
    """Whether maps are equal, where vectors may differ by a share `apart` of their length."""
    return (
        one.grid == other.grid
        and relative_error(one.vectors, other.vectors) <= apart
        and np.array_equal(one.valid, other.valid)
        and np.array_equal(one.photo.pixels, other.photo.pixels)
    )


@pytest.mark.parametrize("masked", [False, True])
def test_a_hit_equals_the_miss_and_builds_nothing(tmp_path: Path, *, masked: bool) -> None:
    """To the bit, with the same painted photo."""
    path = photo(tmp_path, masked=masked)
    miss = cached(tmp_path / "cache", offer(Counting())).of(read_photo(path))
    unused = Counting()
    hit = cached(tmp_path / "cache", offer(unused)).of(read_photo(path))
    assert same(hit, miss)
    assert hit.vectors.dtype == np.float32
    assert unused.built == []


def test_cached_features_equal_computed_ones_within_half_precision(tmp_path: Path) -> None:
    """They differ by at most a thousandth of a vector's length."""
    opened = read_photo(photo(tmp_path, masked=True))
    exact = PhotoFeatures(Counting(), 64).of(opened)
    stored = cached(tmp_path / "cache", offer(Counting())).of(opened)
    assert relative_error(stored.vectors, exact.vectors) <= MAX_HALF_ERROR
    assert np.array_equal(stored.valid, exact.valid)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded during the test."""
    names: list[str] = []
    plain = ImageFile.ImageFile.load

    def load(self: ImageFile.ImageFile) -> Any:
        if self.fp is not None:  # else it is decoded already
            names.append(Path(self.fp.name).name)
        return plain(self)

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    return names


def test_a_hit_decodes_neither_photo_nor_mask(tmp_path: Path, decoded: list[str]) -> None:
    """Both are decoded when pixels are read, and not before."""
    path = photo(tmp_path, masked=True, name="photo.jpg")
    before = cached(tmp_path / "cache", offer(Counting())).of(read_photo(path))
    assert set(decoded) == {"photo.jpg", "photo.jpg.mask.png"}
    decoded.clear()
    hit = cached(tmp_path / "cache", offer(Counting())).of(read_photo(path))
    assert np.array_equal(hit.valid, before.valid)
    assert decoded == []
    assert hit.photo.pixels.shape == (64, 96, 3)
    assert set(decoded) == {"photo.jpg", "photo.jpg.mask.png"}


def test_a_search_of_cached_photos_decodes_the_target_only(
    tmp_path: Path, decoded: list[str]
) -> None:
    """The heatmap needs the target; of the source only features are needed."""
    source = photo(tmp_path, masked=True, name="source.jpg")
    target = photo(tmp_path, masked=True, seed=1, name="target.jpg")
    for _ in range(2):
        decoded.clear()
        features = cached(tmp_path / "cache", offer(Counting()))
        sightings = {"m": [(read_photo(source), Point(20.5, 30.5))]}
        located = locate(sightings, read_photo(target), features, matcher("cosine"))
        (query,), (match,) = located.queries, located.matches
        renderer("heatmap").render(query, located.target, match)
    assert set(decoded) == {"target.jpg", "target.jpg.mask.png"}


WEIGHTS = "weights.bin"

CHANGES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "another photo": lambda folder: {"path": photo(folder, seed=1)},
    "another mask": lambda folder: {"mask": save(half_mask(40), mask_path(folder / "photo.png"))},
    "no mask file": lambda folder: {"mask": mask_path(folder / "photo.png").rename(folder / "x")},
    "--no-mask": lambda _: {"use_mask": False},
    "other weights of the same name": lambda folder: {
        "weights": (folder / WEIGHTS).write_bytes(b"other weights")
    },
    "another extractor": lambda _: {"name": "toy-two"},
    "another release of a library": lambda _: {"release": "lib 2.0"},
    "another size": lambda _: {"image_size": 72},
    "full resolution": lambda _: {"image_size": None},
    "windows": lambda _: {"windows": Windows(32, 0.5)},
    "other windows": lambda _: {"windows": Windows(40, 0.5)},
    "another option": lambda _: {"given": {"depth": "4"}},
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_features_is_a_miss(tmp_path: Path, change: str) -> None:
    """And changing it back is a hit."""
    path = photo(tmp_path, masked=True)
    (tmp_path / WEIGHTS).write_bytes(b"weights")
    counting = Counting()

    def describe(
        *,
        use_mask: bool = True,
        name: str = "toy",
        release: str = "lib 1.0",
        given: dict[str, str] | None = None,
        **others: Any,
    ) -> FeatureMap:
        offered = offer(counting, release, name=name, options=(Option("depth", 3, "how deep"),))
        known = {key: others[key] for key in ("image_size", "windows") if key in others}
        build = BuildOptions(weights=tmp_path / WEIGHTS)
        features = cached(tmp_path / "cache", offered, build=build, given=given, **known)
        return features.of(read_photo(path, use_mask=use_mask))

    describe()
    describe()
    assert len(counting.built) == 1
    settings = CHANGES[change](tmp_path)
    changed = describe(**settings)
    assert len(counting.built) == 2
    assert same(describe(**settings), changed)
    assert len(counting.built) == 2


@pytest.mark.parametrize(
    "indifferent", [{"device": "cpu"}, {"offline": True}, {"moved": True}, {"renamed": True}]
)
def test_what_does_not_change_features_is_a_hit(
    tmp_path: Path, indifferent: dict[str, Any]
) -> None:
    """The same photo under another name, the same weights elsewhere, another device."""
    path, weights = photo(tmp_path), tmp_path / WEIGHTS
    weights.write_bytes(b"weights")
    counting = Counting()
    build = BuildOptions(weights=weights)
    cached(tmp_path / "cache", offer(counting), build=build).of(read_photo(path))
    if indifferent.pop("moved", False):
        weights = weights.rename(tmp_path / "elsewhere.bin")
    if indifferent.pop("renamed", False):
        path = path.rename(tmp_path / "renamed.png")
    build = BuildOptions(weights=weights, **indifferent)
    cached(tmp_path / "cache", offer(counting), build=build).of(read_photo(path))
    assert len(counting.built) == 1


@pytest.mark.parametrize("damage", [b"", b"not features", None])
def test_a_damaged_file_is_a_miss_and_replaced(tmp_path: Path, damage: bytes | None) -> None:
    """Whether it is cut short, empty or foreign."""
    path = photo(tmp_path)
    before = cached(tmp_path / "cache", offer(Counting())).of(read_photo(path))
    (file,) = (tmp_path / "cache" / "features").glob("*/*")
    whole = file.read_bytes()
    file.write_bytes(whole[:-100] if damage is None else damage)
    counting = Counting()
    after = cached(tmp_path / "cache", offer(counting)).of(read_photo(path))
    assert same(after, before, apart=HALF_STEP)
    assert counting.photos == 1
    assert len(file.read_bytes()) == pytest.approx(len(whole), rel=0.01)
    unused = Counting()
    assert same(cached(tmp_path / "cache", offer(unused)).of(read_photo(path)), after)
    assert unused.built == []


def test_a_photo_that_changes_during_extraction_is_not_stored(tmp_path: Path) -> None:
    """The decoded pixels may be a mixture."""
    path = photo(tmp_path)

    class Meddling(Counting):
        def extract(self, images: Pixels) -> Vectors:
            save(skin(96, 64, seed=5), path)
            return super().extract(images)

    cached(tmp_path / "cache", offer(Meddling())).of(read_photo(path))
    counting = Counting()
    cached(tmp_path / "cache", offer(counting)).of(read_photo(path))
    assert counting.photos == 1


def test_weights_that_change_while_they_are_loaded_are_an_error(tmp_path: Path) -> None:
    """Otherwise features of the new weights would be stored under the key of the old ones."""
    weights = tmp_path / WEIGHTS
    weights.write_bytes(b"weights")

    class Meddling(Counting):
        def build(self, options: BuildOptions) -> Counting:
            weights.write_bytes(b"other weights")
            return self

    features = cached(tmp_path / "cache", offer(Meddling()), build=BuildOptions(weights=weights))
    with pytest.raises(WeightsError, match="changed while they were loaded"):
        features.of(read_photo(photo(tmp_path)))


def test_missing_weights_are_an_error_before_a_photo_is_decoded(tmp_path: Path) -> None:
    """Because decoding takes time."""

    class Weightless(Counting):
        def build(self, options: BuildOptions) -> Counting:
            raise WeightsError("no weights here")

    path = photo(tmp_path, name="photo.jpg")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="no weights here"):
        cached(tmp_path / "cache", offer(Weightless())).of(read_photo(path))


def test_photos_in_memory_and_parts_of_photos_are_not_cached(tmp_path: Path) -> None:
    """They have no key."""
    features = cached(tmp_path / "cache", offer(Counting()))
    seen = features.of(Photo.of(skin(96, 64)))
    features.of(seen.photo.crop(0, 0, seen.photo.size, (0, 0, 0)))
    assert features.store.entries() == []


def test_vectors_beyond_half_precision_are_stored_in_full(tmp_path: Path) -> None:
    """And are read back to the bit."""

    class Large(PatchColours):
        def extract(self, images: Pixels) -> Vectors:
            return super().extract(images) * np.float32(1e6)

    path = photo(tmp_path)
    exact = PhotoFeatures(Large(), 64).of(read_photo(path))
    miss = cached(tmp_path / "cache", offer(Counting(inner=Large()))).of(read_photo(path))
    hit = cached(tmp_path / "cache", offer(Counting(inner=Large()))).of(read_photo(path))
    assert same(hit, miss)
    assert relative_error(miss.vectors, exact.vectors) <= 1e-6


def test_a_cache_that_cannot_be_written_changes_no_result(tmp_path: Path) -> None:
    """It causes a warning."""
    (tmp_path / "file").touch()
    path = photo(tmp_path)
    with pytest.warns(MelWarning, match="features are not cached"):
        without = cached(tmp_path / "file", offer(Counting())).of(read_photo(path))
    within = cached(tmp_path / "cache", offer(Counting())).of(read_photo(path))
    assert same(without, within, apart=HALF_STEP)
