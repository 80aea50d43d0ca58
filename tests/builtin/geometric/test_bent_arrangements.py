"""Laws of arrangements that are bent from a small region over the body."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mel_debug.builtin.matchers.geometric.bent_arrangements import (
    LIKELY,
    MOST_RIVAL,
    SURE,
    Arrangement,
    extended,
    grown,
    joined,
)
from mel_debug.builtin.matchers.geometric.blob_field import GrownMap
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.sized_blobs import Blobs
from mel_debug.builtin.matchers.geometric.warp_field import WarpField

SAME = np.array([[1.0, 0], [0, 1], [0, 0]])
FIELD = WarpField(PlaneMap(np.eye(3)), (30, 40))
SEEDS = st.integers(0, 2**32 - 1)


def found(
    rows: np.ndarray, columns: np.ndarray, evidence: float = 30, rival: float = 0
) -> Arrangement:
    """Return an arrangement in which these blobs match."""
    return Arrangement(SAME, GrownMap(evidence, FIELD, rows, columns, 0.004), rival)


def trunk(seed: int) -> tuple[Blobs, Blobs]:
    """Return 200 blobs of a round body, seen from the front and from 30 degrees to one side."""
    generator = np.random.default_rng(seed)
    around, along = generator.uniform(-0.9, 0.9, 200), generator.uniform(-0.45, 0.45, 200)
    sizes = generator.uniform(-6.5, -5.5, 200)
    here, there = (
        Blobs(np.column_stack([0.45 * np.sin(around - view), along]) + 0.5, sizes, np.ones(2))
        for view in (0.0, 0.5)
    )
    return here, there


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 3))
def test_maps_contradict_each_other_if_the_same_blobs_lead_elsewhere(
    first: int, count: int, shift: int
) -> None:
    """Maps of different parts of a body don't, and no map contradicts itself."""
    rows = np.arange(first, first + count)
    one, elsewhere = found(rows, rows), found(rows, rows + 40 + shift)
    apart = found(rows + 100, rows + 100)
    assert not one.contradicts(one)
    assert not one.contradicts(apart)
    assert not apart.contradicts(one)
    assert one.contradicts(elsewhere)
    assert elsewhere.contradicts(one)


@given(st.floats(0, 200), st.floats(0, 200))
def test_a_map_is_sure_only_if_its_rival_is_not(evidence: float, rival: float) -> None:
    """Dots of a cloth match almost as well two dots farther along."""
    none = np.empty(0, dtype=np.intp)
    one = found(none, none, evidence, rival)
    other = found(none, none, rival, evidence)
    assert not (one.is_likely and other.is_likely)
    assert one.is_likely or not one.is_sure
    assert one.is_sure == (evidence - rival >= SURE and rival <= MOST_RIVAL * evidence)
    assert one.is_likely == (evidence - rival >= LIKELY and rival <= MOST_RIVAL * evidence)


@pytest.mark.slow
@settings(max_examples=6)
@given(SEEDS)
def test_a_map_of_a_region_is_extended_over_a_bent_body(seed: int) -> None:
    """Either way, from the 12 blobs at one place, most blobs come to match."""
    for here, there in (trunk(seed), trunk(seed)[::-1]):
        at = np.argsort(np.hypot(*(here.places - 0.45).T))[:12]
        places = np.column_stack([here.places[at], np.ones(12)])
        affine = np.linalg.lstsq(places, there.places[at], rcond=None)[0]
        begin = grown(affine, at, at, here, there)
        best = max([begin, *extended(begin, here, there)], key=lambda each: each.grown.evidence)
        right = best.grown.rows == best.grown.columns
        assert best.is_sure
        assert right.mean() > 0.85
        assert right.sum() > 100


@pytest.mark.slow
@settings(max_examples=6)
@given(SEEDS)
def test_maps_of_two_regions_that_agree_are_joined(seed: int) -> None:
    """One that contradicts the best one is left out."""
    here, there = trunk(seed)
    maps = []
    for place in (0.3, 0.6):
        at = np.argsort(np.hypot(*(here.places - place).T))[:12]
        places = np.column_stack([here.places[at], np.ones(12)])
        affine = np.linalg.lstsq(places, there.places[at], rcond=None)[0]
        maps.append(grown(affine, at, at, here, there))
    best = max(maps, key=lambda each: each.grown.evidence).grown
    wrong = found(best.rows, np.roll(best.columns, 1), 1.0)
    (both,) = joined([*maps, wrong], here, there)
    assert (both.grown.rows == both.grown.columns).mean() > 0.85
    assert len(both.grown.rows) > 0.8 * max(len(each.grown.rows) for each in maps)
    assert (
        joined([maps[0], found(maps[0].grown.rows, maps[0].grown.columns, -1.0)], here, there) == []
    )
