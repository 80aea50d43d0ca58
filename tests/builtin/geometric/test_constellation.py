"""Laws of maps between photos by the arrangement of their blobs."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mel_debug.builtin.matchers.geometric.bent_arrangements import Arrangement
from mel_debug.builtin.matchers.geometric.constellation import (
    CLOSER,
    SIMILAR_SCALE,
    arrangements,
    closer_arrangements,
)
from mel_debug.builtin.matchers.geometric.sized_blobs import Blobs

SEEDS = st.integers(0, 2**32 - 1)
SQUARE = np.ones(2)
LEAST_SHARED = 12
"""Blobs in view of both photos; with fewer the arrangement is not clear among others."""


def drawn(seed: int, count: int) -> Blobs:
    """Return blobs anywhere on a photo."""
    generator = np.random.default_rng(seed)
    places = generator.uniform(0.05, 0.95, (count, 2))
    return Blobs(places, generator.uniform(-6.5, -5.5, count), SQUARE)


def seen(blobs: Blobs, turn: np.ndarray, others: int, seed: int) -> tuple[Blobs, np.ndarray]:
    """Return another photo with others besides, and the numbers of the blobs that are in view.

    Its middle is that of the first photo. Each blob is moved by up to 0.2 % of the side.
    """
    generator = np.random.default_rng(seed)
    places = (blobs.places - 0.5) @ turn + 0.5
    places += generator.uniform(-0.002, 0.002, places.shape)
    inside = np.flatnonzero(((places > 0) & (places < 1)).all(axis=1))
    sizes = blobs.sizes + np.log(np.linalg.det(turn)) / 2
    sizes += generator.uniform(-0.2, 0.2, len(sizes))
    more = drawn(seed + 1, others)
    return Blobs(
        np.vstack([places[inside], more.places]),
        np.append(sizes[inside], more.sizes + np.log(np.linalg.det(turn)) / 2),
        SQUARE,
    ), inside


def turned(angle: float, scale: float) -> np.ndarray:
    """Return the (2, 2) map of rows that turns and scales."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return scale * turn


def share_right(found: Arrangement, inside: np.ndarray) -> float:
    """Return the share of blobs in view of both photos that are matched rightly."""
    rows, columns = found.grown.rows, found.grown.columns
    right = columns < len(inside)
    return float((inside[columns[right]] == rows[right]).sum() / len(inside))


def check_found(seed: int, turn: np.ndarray, count: int) -> None:
    """Assert that a map is found among half as many blobs again that only one photo has."""
    here = drawn(seed, count)
    there, inside = seen(here, turn, count // 2, seed + 2)
    assume(len(inside) >= LEAST_SHARED)
    best = arrangements(here, there)[0]
    assert best.is_sure
    assert share_right(best, inside) > 0.8


ANGLES = st.floats(-np.pi, np.pi) | st.sampled_from([-np.pi, np.pi])


@pytest.mark.slow
@settings(max_examples=5)
@given(SEEDS, ANGLES, st.floats(-np.log(SIMILAR_SCALE) + 0.3, np.log(SIMILAR_SCALE) - 0.3))
def test_any_turn_and_size_is_found_among_blobs_that_only_one_photo_has(
    seed: int, angle: float, log_scale: float
) -> None:
    """As many others as blobs that both have."""
    turn = turned(angle, np.exp(log_scale))
    check_found(seed, turn, 40)


@pytest.mark.slow
@settings(max_examples=4)
@given(SEEDS, ANGLES, st.floats(1.0, 2.8), st.floats(0, np.pi))
def test_a_photo_from_the_side_is_found(
    seed: int, angle: float, tilt: float, direction: float
) -> None:
    """Where one axis is up to 2.8 times as long as the other one, in any direction."""
    axes = turned(direction, 1.0)
    turn = turned(angle, 1.0) @ axes.T @ np.diag([tilt**0.5, tilt**-0.5]) @ axes
    check_found(seed, turn, 80)


@pytest.mark.slow
@settings(max_examples=4)
@given(SEEDS, ANGLES, st.floats(0.8, 1.25), st.sampled_from([-1, 1]))
def test_a_body_that_turns_away_is_found(seed: int, angle: float, scale: float, side: int) -> None:
    """Round like a trunk, seen from the front and from 40 degrees to one side."""
    generator = np.random.default_rng(seed)
    around, along = generator.uniform(-1.1, 1.1, 160), generator.uniform(-0.45, 0.45, 160)
    sizes = generator.uniform(-6.5, -5.5, 160)
    photos, numbers = [], []
    for view, turn in ((0.0, np.eye(2)), (0.7 * side, turned(angle, scale))):
        flat = np.column_stack([0.4 * np.sin(around - view), along])
        places = flat @ turn + 0.5 + generator.uniform(-0.001, 0.001, flat.shape)
        faces = (np.abs(around - view) < 1.3) & ((places > 0) & (places < 1)).all(axis=1)
        photos.append(Blobs(places[faces], sizes[faces], SQUARE))
        numbers.append(np.flatnonzero(faces))
    here, there = numbers
    best = arrangements(*photos)[0]
    assert best.is_sure
    right = here[best.grown.rows] == there[best.grown.columns]
    assert right.mean() > 0.9
    assert right.sum() > 0.6 * len(np.intersect1d(here, there))


@pytest.mark.slow
@settings(max_examples=5)
@given(SEEDS, ANGLES, st.floats(np.log(CLOSER[0]) + 0.3, np.log(CLOSER[1]) - 0.3), st.booleans())
def test_a_close_up_is_found_in_an_overview(
    seed: int, angle: float, log_scale: float, is_source: bool
) -> None:
    """Whichever is the source."""
    overview = drawn(seed, 250)
    close_up, inside = seen(overview, turned(angle, np.exp(log_scale)), 6, seed + 2)
    assume(len(inside) >= LEAST_SHARED)
    if is_source:
        best = closer_arrangements(overview, close_up)[0]
        right = share_right(best, inside)
    else:
        best = closer_arrangements(close_up, overview)[0]
        rows, columns = best.grown.rows, best.grown.columns
        known = rows < len(inside)
        right = float((inside[rows[known]] == columns[known]).sum() / len(inside))
    assert best.is_sure
    assert right > 0.8


@pytest.mark.slow
@settings(max_examples=4)
@given(SEEDS, st.integers(8, 120), st.integers(8, 120))
def test_other_blobs_make_sure_of_nothing(seed: int, here: int, there: int) -> None:
    """Those of another person."""
    some, others = drawn(seed, here), drawn(seed + 1, there)
    found = arrangements(some, others) + closer_arrangements(some, others)
    assert not any(each.is_sure for each in found)


@pytest.mark.slow
@settings(max_examples=3)
@given(SEEDS, st.floats(-0.5, 0.5), st.floats(0.9, 1.1))
@example(4402132, 0.0, 0.9951167183796362)
def test_dots_of_a_cloth_make_sure_of_nothing(seed: int, angle: float, scale: float) -> None:
    """They match as well some dots farther along; of two photos of the cloth, each shows a part."""
    generator = np.random.default_rng(seed)
    line = (np.arange(40) - 20) * 0.08
    dots = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    photos = []
    for turn in (np.eye(2), turned(angle, scale)):
        places = dots @ turn + generator.uniform(0.4, 0.6, 2)
        places += generator.uniform(-0.001, 0.001, places.shape)
        inside = ((places > 0) & (places < 1)).all(axis=1)
        sizes = np.full(inside.sum(), -5.0) + np.log(np.linalg.det(turn)) / 2
        places = generator.permutation(places[inside])
        photos.append(Blobs(places, sizes, SQUARE))
    assert not any(each.is_sure for each in arrangements(*photos))


@pytest.mark.parametrize("count", [0, 1, 4])
def test_few_blobs_have_no_arrangement(count: int) -> None:
    """However well they agree."""
    few = drawn(3, count)
    assert arrangements(few, few) == []
    assert closer_arrangements(few, few) == []
