"""Laws of giving places to moles."""

import random

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
    """Nor places nearer to each other than two moles can be told apart."""
    given_to = assign(votes, NEAR, threshold)
    assert set(given_to) == set(votes)
    placed = [each.vote.place for each in given_to.values() if each.vote is not None]
    for number, place in enumerate(placed):
        assert all(place.distance_to(other) > NEAR for other in placed[:number])


@given(votes, thresholds)
def test_nobody_is_placed_with_less_than_asked_for(
    votes: dict[str, list[PooledPlace]], threshold: float
) -> None:
    """And each only at a place that it named."""
    for uuid, each in assign(votes, NEAR, threshold).items():
        if each.vote is not None:
            assert each.vote in votes[uuid]
            assert each.vote.confidence >= threshold


@given(votes, thresholds, st.randoms())
def test_the_order_of_moles_plays_no_part(
    votes: dict[str, list[PooledPlace]], threshold: float, chance: random.Random
) -> None:
    """A mole gets what it gets, whoever is named first."""
    shuffled = list(votes.items())
    chance.shuffle(shuffled)
    assert assign(dict(shuffled), NEAR, threshold) == assign(votes, NEAR, threshold)


def test_of_two_that_want_one_place_the_surer_gets_it() -> None:
    """The other gets none, and is told who has it."""
    given_to = assign(dict([mole("a", (100, 0.9)), mole("b", (104, 0.7))]), NEAR, 0.5)
    assert given_to["a"].vote is not None
    assert given_to["b"].vote is None
    assert given_to["b"].rival == "a"


def test_a_mole_with_another_place_gives_way() -> None:
    """All together are placed better so, though the first alone would not be."""
    torn = mole("a", (100, 0.9), (500, 0.85))
    given_to = assign(dict([torn, mole("b", (100, 0.8))]), NEAR, 0.5)
    assert given_to["a"].vote == torn[1][1]
    assert given_to["b"].vote is not None


def test_nobody_takes_a_place_that_is_worse_than_none() -> None:
    """A mole that is not here costs as much as one placed at the threshold."""
    given_to = assign(dict([mole("a", (100, 0.9), (500, 0.3)), mole("b", (100, 0.95))]), NEAR, 0.5)
    assert given_to["a"].vote is None
    assert given_to["b"].vote is not None


def test_without_places_nobody_is_here() -> None:
    """Every mole has an answer all the same."""
    given_to = assign({"a": [], "b": []}, NEAR, 0.5)
    assert [each.vote for each in given_to.values()] == [None, None]
    assert assign({}, NEAR, 0.5) == {}
