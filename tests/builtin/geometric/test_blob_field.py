"""Laws of warp fields that follow blobs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mel_debug.builtin.matchers.geometric.bent_arrangements import SURE
from mel_debug.builtin.matchers.geometric.blob_field import FAR_STEPS, blobs_under, grow
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.sized_blobs import Blobs
from mel_debug.builtin.matchers.geometric.warp_field import WarpField

SEEDS = st.integers(0, 2**32 - 1)
EXTENT = np.array([1.0, 0.75])
SAME = np.array([[1.0, 0], [0, 1], [0, 0]])


def drawn(seed: int, count: int) -> Blobs:
    """Return blobs anywhere on a photo."""
    generator = np.random.default_rng(seed)
    places = generator.uniform(0.02, 0.98, (count, 2)) * EXTENT
    return Blobs(places, generator.uniform(-6.5, -5.5, count), EXTENT)


def bent(blobs: Blobs, bend: float) -> Blobs:
    """Return the same blobs on a body that is bent away from the left edge."""
    places = blobs.places.copy()
    places[:, 0] -= bend * places[:, 0] ** 2
    places[:, 1] += bend / 2 * places[:, 0] * places[:, 1]
    return Blobs(places, blobs.sizes, EXTENT)


@pytest.mark.slow
@settings(max_examples=8)
@given(SEEDS, st.floats(-0.08, 0.08))
def test_a_field_grows_over_a_bent_body(seed: int, bend: float) -> None:
    """From 12 blobs at one edge; a third of the blobs of each photo is not on the other one."""
    here = drawn(seed, 120)
    there = bent(here, bend)
    here, there = (
        Blobs(np.vstack([each.places[:80], drawn(seed + more, 40).places]), each.sizes, EXTENT)
        for each, more in ((here, 1), (there, 2))
    )
    inside = ((there.places[:80] > 0) & (there.places[:80] < EXTENT)).all(axis=1)
    first = np.argsort(here.places[:80, 0])[:12]
    places = np.column_stack([here.places[first], np.ones(12)])
    affine = np.linalg.lstsq(places, there.places[first], rcond=None)[0]
    near = grow(affine, first, first, here, there)
    far = grow(affine, near.rows, near.columns, here, there, FAR_STEPS)
    for grown in (near, far):
        assert grown.evidence > SURE
        right = (grown.rows == grown.columns) & (grown.rows < 80)
        assert right.mean() > 0.85
    assert right.sum() > 0.6 * inside.sum()


@pytest.mark.slow
@settings(max_examples=8)
@given(SEEDS)
def test_the_evidence_for_a_wrong_map_is_negative(seed: int) -> None:
    """Blobs that match by chance, and bending that makes more of them match, prove nothing."""
    here, there = drawn(seed, 150), drawn(seed + 1, 150)
    steps = np.linalg.norm(here.places[:, np.newaxis] - there.places, axis=2)
    rows = np.flatnonzero(steps.min(axis=1) < 0.01)
    grown = grow(SAME, rows, steps.argmin(axis=1)[rows], here, there)
    assert grown.evidence < 0


def test_blobs_under_a_field_confirm_it_in_its_own_cells() -> None:
    """A close-up twice as large, whose cells are half as many."""
    here = drawn(1, 200)
    there = Blobs(2 * (here.places - EXTENT / 4), here.sizes + np.log(2), EXTENT)
    one, other = np.full(2, 200.0), np.full(2, 100.0)
    matrix = np.diag([1.0, 1.0, 1.0])
    matrix[:2, 2] = -50 * EXTENT
    field = WarpField(PlaneMap(matrix), (150, 200))
    places = here.places[::4] * one
    field.grow(places, np.zeros_like(places), np.ones(len(places), bool))
    found = blobs_under(field, here, there, (one, other))
    assert found is not None
    assert found.evidence > SURE
    assert (found.rows == found.columns).mean() > 0.95
    assert found.within == pytest.approx(0.002, rel=0.1)


def test_few_blobs_say_nothing_of_a_field() -> None:
    """Not even that it is wrong."""
    field = WarpField(PlaneMap(np.eye(3)), (150, 200))
    cells = np.full(2, 200.0), np.full(2, 200.0)
    none = Blobs(np.empty((0, 2)), np.empty(0), EXTENT)
    assert blobs_under(field, none, drawn(1, 50), cells) is None
    assert blobs_under(field, drawn(1, 5), drawn(1, 5), cells) is None
