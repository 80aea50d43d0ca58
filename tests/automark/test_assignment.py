"""Laws of assigning places to moles."""

import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.automark.assignment import assign
from mel_debug.automark.pooling import PooledPlace
from mel_debug.core.geometry import Point

NEAR = 15.0

uuids = st.integers(0, 9).map(lambda number: f"{number:032x}")
places = st.builds(Point, st.integers(0, 12).map(lambda n: 9.0 * n), st.just(50.0))
votes = st.dictionaries(
    uuids,
    st.lists(st.builds(PooledPlace, places, st.floats(0, 1), st.just((0,))), max_size=3),
    max_size=8,
)
thresholds = st.floats(0, 1)


def mole(name: str, *places: tuple[float, float]) -> tuple[str, list[PooledPlace]]:
    return name, [PooledPlace(Point(x, 0), sure, (0,)) for x, sure in places]


@given(votes, thresholds)
def test_no_two_moles_get_one_place(votes: dict[str, list[PooledPlace]], threshold: float) -> None:
    """Nor places that count as the same."""
    assigned = assign(votes, NEAR, threshold)
    assert set(assigned) == set(votes)
    placed = [each.place.place for each in assigned.values() if each.place is not None]
    for number, place in enumerate(placed):
        assert all(place.distance_to(other) > NEAR for other in placed[:number])


@given(votes, thresholds)
def test_no_mole_gets_a_place_below_the_threshold(
    votes: dict[str, list[PooledPlace]], threshold: float
) -> None:
    """And each only gets a place that was proposed for it."""
    for uuid, each in assign(votes, NEAR, threshold).items():
        if each.place is not None:
            assert each.place in votes[uuid]
            assert each.place.confidence >= threshold


@given(votes, thresholds, st.randoms())
def test_the_order_of_moles_plays_no_part(
    votes: dict[str, list[PooledPlace]], threshold: float, chance: random.Random
) -> None:
    """The assignment of a mole is the same in any order."""
    shuffled = list(votes.items())
    chance.shuffle(shuffled)
    assert assign(dict(shuffled), NEAR, threshold) == assign(votes, NEAR, threshold)


def test_of_two_moles_the_more_confident_one_gets_the_place() -> None:
    """The other one gets none, and the first one is its rival."""
    assigned = assign(dict([mole("a", (100, 0.9)), mole("b", (104, 0.7))]), NEAR, 0.5)
    assert assigned["a"].place is not None
    assert assigned["b"].place is None
    assert assigned["b"].rival == "a"


def test_a_mole_may_get_its_second_best_place() -> None:
    """If the sum over all moles is larger then."""
    torn = mole("a", (100, 0.9), (500, 0.85))
    assigned = assign(dict([torn, mole("b", (100, 0.8))]), NEAR, 0.5)
    assert assigned["a"].place == torn[1][1]
    assert assigned["b"].place is not None


def test_no_mole_gets_a_place_that_is_worse_than_none() -> None:
    """A mole without a place counts like one at the threshold."""
    assigned = assign(dict([mole("a", (100, 0.9), (500, 0.3)), mole("b", (100, 0.95))]), NEAR, 0.5)
    assert assigned["a"].place is None
    assert assigned["b"].place is not None


def test_without_places_no_mole_gets_one() -> None:
    """Every mole has an entry nevertheless."""
    assigned = assign({"a": [], "b": []}, NEAR, 0.5)
    assert [each.place for each in assigned.values()] == [None, None]
    assert assign({}, NEAR, 0.5) == {}


def test_where_no_place_is_wanted_twice_no_solver_is_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That takes longer than deciding; each mole has its best place."""
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    moles = [mole("a", (100, 0.6), (500, 0.9)), mole("b", (104, 0.7)), mole("c", (900, 0.2))]
    assigned = assign(dict(moles), NEAR, 0.5)
    assert assigned["a"].place == moles[0][1][1]
    assert assigned["b"].place == moles[1][1][0]
    assert assigned["c"].place is None
