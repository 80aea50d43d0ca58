"""Laws of cached pairs: a search finds the same with and without, and nothing stale or damaged."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from mel_debug.api import Finder
from mel_debug.builtin.matchers.geometric import keys, pair_cache
from mel_debug.builtin.matchers.geometric.anchors import Anchors
from mel_debug.builtin.matchers.geometric.found_blobs import FoundBlobs
from mel_debug.builtin.matchers.geometric.pair_encoding import decode, encode
from mel_debug.builtin.matchers.geometric.photo_pair import Beginning, Cells, PhotoPair, match_pair
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.support import Support
from mel_debug.builtin.matchers.geometric.warp_field import WarpField
from mel_debug.cache.results import Results, packed, unpacked
from mel_debug.cache.store import FileStore, Kind
from mel_debug.core.errors import MelError
from workbench import skin

SAME_PX = 0.1
"""Largest distance between places found with and without a cached pair."""

MOLES = [(150.0, 120.0), (260.0, 190.0)]


class Scene:
    """Two photos of one generated skin, the second shifted, and a cache."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        whole = skin(460, 380)
        self.before, self.after = folder / "before.png", folder / "after.png"
        Image.fromarray(whole[20:340, 30:430]).save(self.before)
        Image.fromarray(whole[10:330, 10:410]).save(self.after)

    def find(self, *, cached: bool = True) -> list[tuple[float, float, float]]:
        """The places and confidences of both moles, in a new finder."""
        with Finder(
            extractor="xfeat",
            image_size=320,
            cache=cached,
            cache_dir=self.folder / "cache",
            device="cpu",
        ) as finder:
            found = finder.find_all(self.before, MOLES, self.after)
        return [(one.x, one.y, one.confidence.probability) for one in found]

    @property
    def pairs(self) -> list[Path]:
        """The cached pairs."""
        store = FileStore(self.folder / "cache", 10**9)
        return [entry.path for entry in store.entries() if entry.kind == Kind.PAIR]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Photos whose features and pair are not cached."""
    return Scene(tmp_path)


@pytest.mark.slow
def test_a_cached_pair_changes_no_answer(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is not matched again."""
    without = scene.find(cached=False)
    assert not scene.pairs
    first = scene.find()
    assert len(scene.pairs) == 1

    def matched(*_: object) -> None:
        raise MelError("the pair is matched again")

    monkeypatch.setattr(pair_cache, "match_pair", matched)
    again = scene.find()
    for one, other in [*zip(first, without, strict=True), *zip(first, again, strict=True)]:
        assert one == pytest.approx(other, abs=SAME_PX)
    assert without[0][:2] == pytest.approx((MOLES[0][0] + 20, MOLES[0][1] + 10), abs=2)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["photo", "code", "damage", "other layout"])
def test_what_is_stale_or_damaged_is_matched_again(
    scene: Scene, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed photo, a changed matcher, a damaged file and one of another layout."""
    expected = scene.find()
    (pair,) = scene.pairs
    if change == "photo":
        pixels = np.array(Image.open(scene.before))
        pixels[0, 0] ^= 1
        Image.fromarray(pixels).save(scene.before)
    elif change == "code":
        monkeypatch.setattr(keys, "_code", lambda: "another")
    elif change == "damage":
        data = bytearray(pair.read_bytes())
        data[len(data) // 2] ^= 255
        pair.write_bytes(data)
    else:
        pair.write_bytes(packed(pair.stem, {"cells": np.zeros(3)}))
    before = pair.read_bytes()
    for one, other in zip(scene.find(), expected, strict=True):
        assert one == pytest.approx(other, abs=SAME_PX)
    rewritten = change in ("damage", "other layout")
    assert len(scene.pairs) == (1 if rewritten else 2)
    assert (pair.read_bytes() != before) == rewritten


@pytest.mark.slow
@pytest.mark.parametrize("cached", [True, False])
def test_a_further_mole_in_one_process_needs_no_further_geometry(
    scene: Scene, cached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without a cache on disk."""
    pairs = []

    def matched(*given: Any) -> PhotoPair:
        pairs.append(given)
        return match_pair(*given)

    monkeypatch.setattr(pair_cache, "match_pair", matched)
    expected = scene.find(cached=cached)
    pairs.clear()
    where = scene.folder / "other"
    with Finder(extractor="xfeat", image_size=320, cache=cached, cache_dir=where) as finder:
        found = [finder.find(scene.before, mole, scene.after) for mole in MOLES]
    assert len(pairs) == 1
    for one, other in zip(found, expected, strict=True):
        assert (one.x, one.y) == pytest.approx(other[:2], abs=1)


@pytest.mark.slow
def test_photos_that_share_nothing_are_remembered_too(scene: Scene) -> None:
    """As finding that out takes longest."""
    Image.new("RGB", (400, 320), "grey").save(scene.after)
    first = scene.find()
    (pair,) = scene.pairs
    stored = Results(FileStore(scene.folder / "cache", 10**9)).find(pair.stem)
    assert stored is not None
    known = decode(stored)
    assert known is not None
    assert known.warp_field is None
    assert scene.find() == first


FLOATS = st.floats(allow_nan=False, width=64)


def rows(columns: int) -> st.SearchStrategy[NDArray[Any]]:
    """Any number of rows of a few floats."""
    return st.integers(0, 5).flatmap(lambda n: arrays(np.float64, (n, columns), elements=FLOATS))


@st.composite
def pairs(draw: st.DrawFn) -> PhotoPair:
    """A pair with or without a warp field, support, blobs and what the field keeps."""
    field = None
    if draw(st.booleans()):
        shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
        base = draw(arrays(np.float64, (3, 3), elements=FLOATS))
        count = int(WarpField(PlaneMap(np.eye(3)), shape).knots.prod())
        values = np.random.default_rng(draw(st.integers(0, 99))).normal(size=(count, count + 2))
        covariance = values[:, 2:] + values[:, 2:].T
        support = None
        if draw(st.booleans()):
            shares = draw(arrays(np.float64, (2, 3), elements=FLOATS))
            support = Support(shares, shares + 1, np.array([3, -4]))
        kept = covariance / 2 if draw(st.booleans()) else None
        field = WarpField.fitted(PlaneMap(base), shape, values[:, :2], covariance, support, kept)
    matches, blobs = draw(rows(3)), draw(rows(5))
    cells = draw(arrays(np.float64, (2, 2), elements=FLOATS))
    return PhotoPair(
        Cells(cells[0]),
        Cells(cells[1]),
        Beginning(draw(st.integers(0, 10**9)), draw(st.integers(0, 99))),
        field,
        matches[:, :2],
        matches[:, 2],
        FoundBlobs(Anchors(blobs[:, :2], blobs[:, 2:4], blobs[:, 4])),
    )


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(pairs())
def test_a_pair_comes_back_from_its_file_to_the_bit(pair: PhotoPair) -> None:
    """With all parts that it has."""
    key = "0" * 64
    arrays_ = encode(pair)
    stored = unpacked(key, packed(key, arrays_))
    assert stored is not None
    again = decode(stored)
    assert again is not None
    assert again.first == pair.first
    assert (again.warp_field is None) == (pair.warp_field is None)
    for name, array in encode(again).items():
        assert np.array_equal(array, arrays_[name]), name


@given(st.binary(max_size=300), st.integers(0, 10**6), st.integers(1, 255))
def test_damaged_files_are_no_results(noise: bytes, place: int, change: int) -> None:
    """Whatever the bytes, whatever bit is wrong, and whosever key it is."""
    key = "ab" * 32
    data = bytearray(packed(key, {"a": np.arange(50.0)}))
    assert unpacked("cd" * 32, bytes(data)) is None
    assert unpacked(key, noise) is None
    start = int.from_bytes(data[:8], "little") + 8
    data[start + place % (len(data) - start)] ^= change
    assert unpacked(key, bytes(data)) is None
