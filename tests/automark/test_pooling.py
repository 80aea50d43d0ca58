"""Laws of pooling the candidates of several references."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.automark.joint import Candidate
from mel_debug.automark.pooling import pool
from mel_debug.core.geometry import Point

NEAR = 40.0
HERE, THERE = Point(1000, 1000), Point(2500, 700)

confidences = st.floats(0.01, 0.99)
proposed = st.lists(
    st.lists(st.builds(Candidate, st.sampled_from([HERE, THERE]), confidences), max_size=1),
    min_size=1,
    max_size=5,
)


def confidence_at(place: Point, *proposed: list[Candidate]) -> float:
    return next(
        each.confidence for each in pool(proposed, NEAR) if each.place.distance_to(place) <= NEAR
    )


@given(confidences)
def test_a_single_reference_keeps_its_confidence(sure: float) -> None:
    """There is nothing to pool."""
    assert confidence_at(HERE, [Candidate(HERE, sure)]) == pytest.approx(sure, abs=1e-3)


@given(st.floats(0.55, 0.95), st.floats(0.55, 0.95))
def test_agreeing_references_reinforce_each_other(first: float, second: float) -> None:
    """Their pooled confidence is at least their mean."""
    nearby = Point(HERE.x + 10, HERE.y)
    together = confidence_at(HERE, [Candidate(HERE, first)], [Candidate(nearby, second)])
    assert together > min(first, second)
    assert together >= (first + second) / 2 - 0.01


@given(st.floats(0.3, 0.95), st.floats(0.5, 0.95))
def test_a_reference_with_another_place_lowers_the_confidence(first: float, second: float) -> None:
    """At most one of the places can be right."""
    assert confidence_at(HERE, [Candidate(HERE, first)], [Candidate(THERE, second)]) < first


@given(st.floats(0.3, 0.95))
def test_a_reference_with_a_low_confidence_in_the_place_lowers_the_confidence(first: float) -> None:
    """It searched with the same mole and found the place unlikely."""
    assert confidence_at(HERE, [Candidate(HERE, first)], [Candidate(HERE, 0.02)]) < first


def test_a_reference_with_no_confident_candidate_hardly_matters() -> None:
    """Its only candidate is elsewhere and improbable."""
    alone = confidence_at(HERE, [Candidate(HERE, 0.9)])
    assert confidence_at(HERE, [Candidate(HERE, 0.9)], [Candidate(THERE, 0.02)]) > alone - 0.15


@given(proposed, st.randoms())
def test_the_order_of_references_plays_no_part(
    proposed: list[list[Candidate]], chance: random.Random
) -> None:
    """To the bit."""
    before = [(each.place, each.confidence) for each in pool(proposed, NEAR)]
    chance.shuffle(proposed)
    assert [(each.place, each.confidence) for each in pool(proposed, NEAR)] == before


def test_ties_do_not_depend_on_the_order_of_references() -> None:
    """They are ordered by place, however sums are rounded."""
    one, other = [Candidate(Point(1000, 1000), 0.75)], [Candidate(Point(2500, 700), 0.75)]
    orders = set(itertools.permutations([0, 1, 2, 3]))
    filled: list[list[Candidate]] = [one, other, [], []]
    answers = {
        tuple((each.place, each.confidence) for each in pool([filled[i] for i in order], NEAR))
        for order in orders
    }
    assert len(answers) == 1


@given(proposed)
def test_confidences_of_all_places_add_up_to_one_at_most(proposed: list[list[Candidate]]) -> None:
    """And each place has a reference that proposed it."""
    pooled = pool(proposed, NEAR)
    assert sum(each.confidence for each in pooled) <= 1 + 1e-9
    assert all(each.references for each in pooled)
    assert [each.confidence for each in pooled] == sorted(
        (each.confidence for each in pooled), reverse=True
    )
