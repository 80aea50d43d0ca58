"""Laws of pooling what several references say."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.automark.joint import Candidate
from mel_debug.automark.pooling import vote
from mel_debug.core.geometry import Point

NEAR = 40.0
HERE, THERE = Point(1000, 1000), Point(2500, 700)

confidences = st.floats(0.01, 0.99)
ballots = st.lists(
    st.lists(st.builds(Candidate, st.sampled_from([HERE, THERE]), confidences), max_size=1),
    min_size=1,
    max_size=5,
)


def confidence_at(place: Point, *ballots: list[Candidate]) -> float:
    return next(
        each.confidence for each in vote(ballots, NEAR) if each.place.distance_to(place) <= NEAR
    )


@given(confidences)
def test_a_single_reference_keeps_its_confidence(sure: float) -> None:
    """There is nothing to pool."""
    assert confidence_at(HERE, [Candidate(HERE, sure)]) == pytest.approx(sure, abs=1e-3)


@given(st.floats(0.55, 0.95), st.floats(0.55, 0.95))
def test_agreeing_references_reinforce_each_other(first: float, second: float) -> None:
    """Together they are surer than they are on the average."""
    nearby = Point(HERE.x + 10, HERE.y)
    together = confidence_at(HERE, [Candidate(HERE, first)], [Candidate(nearby, second)])
    assert together > min(first, second)
    assert together >= (first + second) / 2 - 0.01


@given(st.floats(0.3, 0.95), st.floats(0.5, 0.95))
def test_a_reference_that_is_sure_of_another_place_lowers_confidence(
    first: float, second: float
) -> None:
    """Both can't be right."""
    assert confidence_at(HERE, [Candidate(HERE, first)], [Candidate(THERE, second)]) < first


@given(st.floats(0.3, 0.95))
def test_a_reference_that_is_sure_that_it_is_not_the_mole_lowers_confidence(first: float) -> None:
    """It looked at the same place and saw something else."""
    assert confidence_at(HERE, [Candidate(HERE, first)], [Candidate(HERE, 0.02)]) < first


def test_a_reference_that_knows_nothing_hardly_matters() -> None:
    """Its best guess is elsewhere and it does not believe it itself."""
    alone = confidence_at(HERE, [Candidate(HERE, 0.9)])
    assert confidence_at(HERE, [Candidate(HERE, 0.9)], [Candidate(THERE, 0.02)]) > alone - 0.15


@given(ballots, st.randoms())
def test_the_order_of_references_plays_no_part(
    ballots: list[list[Candidate]], chance: random.Random
) -> None:
    """Nor does it matter which of them is asked first."""
    before = [(each.place, each.confidence) for each in vote(ballots, NEAR)]
    chance.shuffle(ballots)
    assert [(each.place, each.confidence) for each in vote(ballots, NEAR)] == before


def test_equal_places_are_not_told_apart_by_the_order_of_references() -> None:
    """A tie goes by place, whichever reference comes first and however sums are rounded."""
    one, other = [Candidate(Point(1000, 1000), 0.75)], [Candidate(Point(2500, 700), 0.75)]
    orders = set(itertools.permutations([0, 1, 2, 3]))
    filled: list[list[Candidate]] = [one, other, [], []]
    answers = {
        tuple((each.place, each.confidence) for each in vote([filled[i] for i in order], NEAR))
        for order in orders
    }
    assert len(answers) == 1


@given(ballots)
def test_confidences_of_all_places_add_up_to_one_at_most(ballots: list[list[Candidate]]) -> None:
    """The mole is at one place, or at none of them; and every place has a voice."""
    votes = vote(ballots, NEAR)
    assert sum(each.confidence for each in votes) <= 1 + 1e-9
    assert all(each.voices for each in votes)
    assert [each.confidence for each in votes] == sorted(
        (each.confidence for each in votes), reverse=True
    )
