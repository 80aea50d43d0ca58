"""Laws of what is stored of one photo: it changes no answer, and is computed once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mel_debug.builtin.matchers.geometric import keypoints, keys
from mel_debug.builtin.matchers.geometric.flattening import FlatPhoto
from mel_debug.builtin.matchers.geometric.keypoints import keypoint_matches
from mel_debug.builtin.matchers.geometric.keys import key_of
from mel_debug.builtin.matchers.geometric.normal_equations import (
    NormalEquations,
    SplineCells,
)
from mel_debug.builtin.matchers.geometric.photos import SMALLER, Photos
from mel_debug.builtin.matchers.geometric.variants import Variants
from mel_debug.builtin.matchers.similarity import unit
from mel_debug.cache.results import Results, packed
from mel_debug.cache.store import FileStore, Kind
from mel_debug.core.geometry import PatchGrid, Size
from mel_debug.core.types import FeatureMap, Photo, Pixels, Vectors
from workbench import skin


class Counting:
    """An extractor of mean colours of 8 x 8 pixels, which counts its calls."""

    patch = 8
    mean_colour = (128, 128, 128)

    def __init__(self) -> None:
        self.calls = 0

    def extract(self, images: Pixels) -> Vectors:
        """See `FeatureExtractor.extract`."""
        self.calls += 1
        count, height, width, _ = images.shape
        cells = images.reshape(count, height // 8, 8, width // 8, 8, 3).astype(np.float32)
        means: Vectors = cells.mean(axis=(2, 4)) + np.float32(1 / 3)
        return means


def feature_map(number: int) -> FeatureMap:
    """The features of a photo of generated skin, with a key."""
    photo = Photo.of(skin(320, 240, seed=number))
    grid = PatchGrid(photo.size, 8, 30, 40)
    vectors = Counting().extract(photo.scaled(grid.scaled)[np.newaxis])[0]
    return FeatureMap(photo, grid, vectors, np.ones((30, 40), dtype=bool), f"{number:064x}")


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """An empty cache."""
    return FileStore(tmp_path, 10**9)


def asked(store: FileStore | None, extractor: Counting) -> Iterator[NDArray[Any]]:
    """All that is stored of two photos, and what it leads to."""
    variants = Variants(None if store is None else Results(store))
    photos = Photos(feature_map(1), feature_map(2), extractor, variants)
    for each in (photos, photos.flat()):
        for size in (1.0, *SMALLER):
            yield each.source_at(size).vectors
            yield each.target_at(size).vectors
        yield from keypoint_matches(each.source, each.target, 300, variants)


def test_what_is_computed_of_a_photo_is_computed_once(store: FileStore) -> None:
    """By whichever run, with the same bits; only the cache's statistics tell it from pairs."""
    first, again = Counting(), Counting()
    computed, stored = list(asked(store, first)), list(asked(store, again))
    assert first.calls == 2 * 7
    assert again.calls == 0
    for one, other in zip(computed, stored, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(computed, asked(None, first), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)
    kinds = [entry.kind for entry in store.entries()]
    assert kinds == [Kind.VARIANT] * (2 * 7 + 2 * 2)


@pytest.mark.parametrize("content", [{"other": np.zeros(3)}, {"vectors": np.zeros((2, 3, 4))}])
def test_arrays_that_do_not_fit_are_replaced(
    store: FileStore, content: dict[str, NDArray[Any]]
) -> None:
    """Also damaged files, of which the cache gives nothing."""
    key = key_of("test", "0" * 64)
    assert key is not None
    store.write(key, packed(key, content), Kind.VARIANT)
    right = np.ones((30, 40, 3), np.float32)
    for _ in range(2):
        np.testing.assert_array_equal(
            Variants(Results(store)).vectors(key, (30, 40), lambda: right), right
        )
    stored = Results(store).find(key, of_pair=False)
    assert stored is not None
    assert stored["vectors"].shape == right.shape


def test_keys_change_with_the_code_and_the_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing has a key if the features have none."""
    known = {key_of("a", "1"), key_of("b", "1"), key_of("a", "2"), key_of("a", "1", "2")}
    monkeypatch.setattr(keys, "_code", lambda: "another")
    assert len({*known, key_of("a", "1")}) == 5
    assert key_of("a", "1", None) is None


@pytest.mark.parametrize("longest", [300, 600])
def test_a_photo_flattened_after_scaling_is_like_one_scaled_after_flattening(longest: int) -> None:
    """On noise, which is harder than skin; both clip it."""
    photo = Photo.of(skin(1200, 900))
    size = Size(longest, longest * 3 // 4)
    flat = FlatPhoto(photo)
    later = Photo.of(flat.pixels).scaled(size)
    assert np.corrcoef(flat.scaled(size).ravel(), later.ravel())[0, 1] > 0.98


@given(st.integers(1, 60), st.integers(0, 10**6))
def test_normal_equations_are_those_of_the_dense_basis(count: int, seed: int) -> None:
    """For any places of a spline, weights and shifts; and so are variances."""
    rng = np.random.default_rng(seed)
    apart = np.append(0, np.sort(rng.permutation(np.arange(1, 30))[:15]))
    knots = rng.integers(0, 10, (count, 1)) + apart  # those of a cell are the same everywhere
    values, weights, shifts = rng.random((count, 16)), rng.random(count), rng.random((count, 2))
    basis = np.zeros((count, 40))
    np.put_along_axis(basis, knots, values, axis=1)
    equations = NormalEquations.of(knots, values, 40)
    np.testing.assert_allclose(
        equations.matrix(weights), basis.T @ (weights[:, np.newaxis] * basis), atol=1e-12
    )
    np.testing.assert_allclose(
        equations.sides(weights, shifts), basis.T @ (weights[:, np.newaxis] * shifts), atol=1e-12
    )
    covariance = np.cov(rng.random((40, 90)))
    np.testing.assert_allclose(
        SplineCells.of(knots).variances(values, covariance),
        np.diag(basis @ covariance @ basis.T),
        atol=1e-12,
    )


@pytest.mark.parametrize("masked", [True, False])
def test_keypoints_of_tiles_are_those_of_the_whole_photo(
    monkeypatch: pytest.MonkeyPatch, masked: bool
) -> None:
    """Nearly all: a few large ones see the edge of a tile."""
    pixels = cv2.GaussianBlur(skin(620, 500), (0, 0), 2)
    mask = np.ones((500, 620), dtype=bool)
    mask[:, :200] = not masked
    photo = Photo.of(pixels, mask if masked else None)
    monkeypatch.setattr(keypoints, "MOST_KEYPOINTS", 400)
    found = []
    for tile in (700, 320):
        monkeypatch.setattr(keypoints, "TILE", tile)
        arrays = keypoints.detected(photo, photo.size)
        assert not (masked and (arrays["points"][:, 0] < 199).any())
        rows = np.column_stack([arrays["points"].round(2), arrays["descriptors"]])
        found.append({tuple(row) for row in rows.tolist()})
    whole, tiled = found
    assert len(whole) > 100
    assert len(whole & tiled) > 0.95 * max(len(whole), len(tiled))


def test_nearest_keypoints_are_those_of_all_similarities_at_once() -> None:
    """More rows than a block has."""
    rng = np.random.default_rng(4)
    second = unit(rng.standard_normal((700, 128)).astype(np.float32))
    noise = 0.1 * rng.standard_normal((700, 128)).astype(np.float32)
    first = unit(second[rng.permutation(700)] + noise)
    choice, mutual, ratio = keypoints.nearest(first, second)
    similarity = first @ second.T
    assert (choice == similarity.argmax(axis=1)).all()
    assert (mutual == (similarity.argmax(axis=0)[choice] == np.arange(700))).all()
    two = np.sort(similarity, axis=1)[:, :-3:-1]
    np.testing.assert_allclose(ratio, np.sqrt((1 - two[:, 0]) / (1 - two[:, 1])), atol=1e-4)
