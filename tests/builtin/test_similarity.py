"""Laws of the similarity matchers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mel_debug.core.geometry import Cell, PatchGrid, Point, Size
from mel_debug.core.types import FeatureMap, Match, Photo, Query, View
from strategies import seeds
from workbench import PatchColours, matcher, skin

Array = NDArray[np.float32]
METRICS = ("cosine", "dot", "euclidean")
counts = st.integers(1, 12)


def vectors(seed: int, *shape: int) -> Array:
    """Seeded vectors of mixed lengths."""
    rng = np.random.default_rng(seed)
    lengths = rng.uniform(0.1, 10, (*shape[:-1], 1))
    result: Array = (rng.standard_normal(shape) * lengths).astype(np.float32)
    return result


def map_of(values: Array, valid: NDArray[np.bool_] | None = None) -> FeatureMap:
    """A feature map of these vectors over a photo of 10 px a cell."""
    rows, columns = values.shape[:2]
    photo = Photo.of(skin(columns * 10, rows * 10))
    grid = PatchGrid(photo.size, 8, rows, columns)
    everywhere = np.ones((rows, columns), dtype=bool)
    return FeatureMap(photo, grid, values, everywhere if valid is None else valid)


def query_of(*wanted: Array, uuid: str = "a mole") -> Query:
    """A mole with one view for each vector."""
    return Query(
        uuid, tuple(View(map_of(vector.reshape(1, 1, -1)), Point(1, 1)) for vector in wanted)
    )


def answers(name: str, queries: list[Query], target: FeatureMap) -> list[Match]:
    """The answers of a matcher with its default options."""
    return matcher(name).match(queries, target, PatchColours())


def answer(name: str, query: Query, target: FeatureMap) -> Match:
    """The answer to one question."""
    (match,) = answers(name, [query], target)
    return match


def scores(name: str, wanted: Array, patches: Array) -> Array:
    """The scores of (dimensions,) with each of (cells, dimensions)."""
    row: Array = answer(name, query_of(wanted), map_of(patches[np.newaxis])).scores[0]
    return row


@given(seeds, counts, counts)
def test_cosine_is_torchs_cosine_similarity(seed: int, patches: int, dimensions: int) -> None:
    """Of the mole's vector with each patch's."""
    one, two = vectors(seed, dimensions), vectors(seed + 1, patches, dimensions)
    expected = torch.nn.functional.cosine_similarity(
        torch.from_numpy(one)[np.newaxis], torch.from_numpy(two), dim=-1
    )
    assert np.allclose(scores("cosine", one, two), expected.numpy(), atol=1e-5)


@given(seeds, counts, counts)
def test_dot_is_the_dot_product(seed: int, patches: int, dimensions: int) -> None:
    """Of the mole's vector with each patch's."""
    one, two = vectors(seed, dimensions), vectors(seed + 1, patches, dimensions)
    expected = [sum(map(float, one * vector)) for vector in two]
    assert np.allclose(scores("dot", one, two), expected, rtol=1e-4, atol=1e-3)


@given(seeds, counts, counts)
def test_euclidean_is_the_negative_distance(seed: int, patches: int, dimensions: int) -> None:
    """Closer vectors are more similar, so scores are distances below 0."""
    one, two = vectors(seed, dimensions), vectors(seed + 1, patches, dimensions)
    expected = [-float(np.linalg.norm(one.astype(float) - vector)) for vector in two]
    assert np.allclose(scores("euclidean", one, two), expected, atol=2e-2)


@given(seeds, st.floats(0.01, 100), st.floats(0.01, 100))
def test_cosine_does_not_depend_on_lengths(seed: int, stretch: float, other: float) -> None:
    """Scaling either vector changes no score."""
    one, two = vectors(seed, 8), vectors(seed + 1, 5, 8)
    stretched = scores("cosine", one * np.float32(stretch), two * np.float32(other))
    assert np.allclose(stretched, scores("cosine", one, two), atol=1e-5)


@pytest.mark.parametrize("name", ["cosine", "euclidean"])
def test_a_vector_is_most_similar_to_itself(name: str) -> None:
    """The best match of a vector, among many, is itself."""
    many = vectors(5, 40, 16)
    found = [int(scores(name, vector, many).argmax()) for vector in many]
    assert found == list(range(40))


def test_the_zero_vector_has_similarity_0() -> None:
    """A featureless patch scores 0, not NaN."""
    assert scores("cosine", np.zeros(4, np.float32), vectors(0, 3, 4)).tolist() == [0, 0, 0]
    assert scores("cosine", vectors(0, 4), np.zeros((3, 4), np.float32)).tolist() == [0, 0, 0]


@given(st.sampled_from(METRICS), seeds, st.integers(1, 5), st.integers(1, 7), st.data())
def test_the_match_is_the_centre_of_the_best_valid_cell(
    name: str, seed: int, rows: int, columns: int, data: st.DataObject
) -> None:
    """Masked cells never win, however similar."""
    valid = np.random.default_rng(seed).random((rows, columns)) < 0.5
    valid[data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))] = True
    target = map_of(vectors(seed, rows, columns, 6), valid)
    match = answer(name, query_of(vectors(seed + 1, 6)), target)
    cell = target.grid.cell_of(match.best)
    assert match.best == target.grid.centre_of(cell)
    assert valid[cell.row, cell.column]
    assert match.score == match.scores[cell.row, cell.column] == match.scores[valid].max()
    low, high = match.similarity_range
    assert low <= match.score == high


@pytest.mark.parametrize("name", METRICS)
def test_a_masked_copy_of_the_mole_loses_to_any_valid_cell(name: str) -> None:
    """The best cell is masked, so another one is the match."""
    values = vectors(3, 2, 2, 6)
    values[0, 0] *= 100
    valid = np.array([[False, True], [True, True]])
    match = answer(name, query_of(values[0, 0].copy()), map_of(values, valid))
    assert match.cell != Cell(0, 0)
    assert match.scores[0, 0] > match.score


@pytest.mark.parametrize("name", METRICS)
@given(seed=seeds, moles=st.integers(1, 6))
def test_moles_searched_together_have_the_matches_they_have_alone(
    name: str, seed: int, moles: int
) -> None:
    """The scores are the same, in the order of the queries."""
    target = map_of(vectors(seed, 4, 5, 8))
    queries = [query_of(vectors(seed + 1 + i, 8), uuid=f"mole {i}") for i in range(moles)]
    together = answers(name, queries, target)
    assert [match.uuid for match in together] == [query.uuid for query in queries]
    for query, match in zip(queries, together, strict=True):
        alone = answer(name, query, target)
        assert np.allclose(alone.scores, match.scores, rtol=1e-4, atol=1e-3)


def test_one_view_is_used_as_it_is() -> None:
    """The vector of the patch that contains the mole is compared, not its neighbour's."""
    features = map_of(vectors(1, 3, 4, 5))
    match = answer("euclidean", Query("m", (View(features, Point(29.9, 10.1)),)), features)
    assert match.cell == Cell(1, 2)


@given(st.sampled_from(METRICS), seeds, st.integers(2, 5))
def test_the_order_of_views_does_not_matter(name: str, seed: int, views: int) -> None:
    """Permuting the views changes no match."""
    several = [vectors(seed + i, 6) for i in range(views)]
    target = map_of(vectors(seed + 9, 2, 3, 6))
    forwards, backwards = answers(name, [query_of(*several), query_of(*several[::-1])], target)
    assert np.allclose(forwards.scores, backwards.scores, rtol=1e-4, atol=1e-3)


@given(st.sampled_from(METRICS), seeds, st.integers(2, 5))
def test_repeating_a_view_changes_nothing(name: str, seed: int, views: int) -> None:
    """Repeating a source changes nothing, lengths included."""
    vector, target = vectors(seed, 6), map_of(vectors(seed + 1, 2, 3, 6))
    once, often = answers(name, [query_of(vector), query_of(*[vector] * views)], target)
    assert np.allclose(once.scores, often.scores, rtol=1e-3, atol=1e-2)


def test_two_views_find_a_cell_that_neither_finds_alone() -> None:
    """A cell similar to both views beats one that is very similar to a single view."""
    one, two, both = ([1, 0, 0], [0, 1, 0], [0.7, 0.7, 0])
    target = map_of(np.array([[one, two, both]], dtype=np.float32))
    first, second = np.array([one, two], dtype=np.float32)
    assert answer("cosine", query_of(first), target).cell == Cell(0, 0)
    assert answer("cosine", query_of(second), target).cell == Cell(0, 1)
    assert answer("cosine", query_of(first, second), target).cell == Cell(0, 2)


def test_the_match_is_in_pixels_of_the_photo() -> None:
    """It is not in cells nor in pixels of the scaled photo."""
    values = vectors(2, 2, 3, 4)
    grid = PatchGrid(Size(90, 50), 8, 2, 3)
    target = FeatureMap(Photo.of(skin(90, 50)), grid, values, np.ones((2, 3), dtype=bool))
    assert answer("euclidean", query_of(values[1, 2].copy()), target).best == Point(75, 37.5)
