"""Laws of warp fields that keep some displacements, and of their way back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.warp_field import KNOWN_STD, WarpField

SEEDS = st.integers(0, 2**32 - 1)
SHAPE = 60, 80


def drawn(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points of a photo of 80 x 60 cells, and smooth displacements there."""
    generator = np.random.default_rng(seed)
    places = generator.uniform(0, 1, (count, 2)) * SHAPE[::-1]
    phase = generator.uniform(0, 6, 2)
    return places, 2 * np.sin(places / 25 + phase)


def matches_at_random(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points of all cells, displacements anywhere within 6 cells, and that radius."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    places = np.column_stack([x.ravel(), y.ravel()]) + 0.5
    angle = generator.uniform(0, 2 * np.pi, len(places))
    radius = generator.uniform(0, 1, len(places))
    shifts = 6 * np.sqrt(radius)[:, np.newaxis] * np.column_stack([np.cos(angle), np.sin(angle)])
    return places, shifts, np.full(len(places), 6.0)


@settings(max_examples=20)
@given(SEEDS, st.floats(-3, 3), st.floats(0.3, 3))
def test_the_way_back_leads_to_where_it_began(seed: int, angle: float, scale: float) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle), 3], [np.sin(angle), np.cos(angle), 5]])
    field = WarpField(PlaneMap(np.vstack([turn, [0, 0, 1]])), SHAPE)
    places, shifts = drawn(seed, 200)
    field.fit(places, shifts, np.full(len(places), 4.0))
    inside = ((places > 5) & (places < np.array(SHAPE[::-1]) - 5)).all(axis=1)
    assert np.abs(field.inverse(field(places[inside])) - places[inside]).max() < 0.02


@settings(max_examples=20)
@given(SEEDS)
def test_a_fit_leads_where_it_should_and_is_less_probable_the_more_it_bends(seed: int) -> None:
    """Before any match, nothing is improbable."""
    places, shifts = drawn(seed, 200)
    costs = []
    for factor in (0.0, 1.0, 2.0):
        field = WarpField(PlaneMap(np.eye(3)), SHAPE)
        assert field.occam_factor() == pytest.approx(0.0, abs=1e-3)
        field.fit(places, factor * shifts, np.full(len(places), 16.0))
        assert np.abs(field.displacement(places) - factor * shifts).max() < 0.3
        costs.append(field.occam_factor())
    assert 0 < costs[0] < costs[1] < costs[2]


@settings(max_examples=10)
@given(SEEDS)
def test_what_is_kept_leads_where_matches_are_at_random(seed: int) -> None:
    """And is as sure as it is; without it the field is unknown there."""
    places, shifts = drawn(seed, 60)
    kept, without = (WarpField(PlaneMap(np.eye(3)), SHAPE) for _ in range(2))
    kept.fit(places, shifts, np.full(len(places), 1.0))
    kept.keep(places, shifts, 1.0)
    everywhere, wrong, reach = matches_at_random(seed)
    for field in (kept, without):
        begin = np.linalg.norm(wrong, axis=1) < 1.5
        field.grow(everywhere, wrong, begin, reach=reach)
    assert np.quantile(np.abs(kept.displacement(places) - shifts), 0.9) < 1.0
    assert (kept.std(places) < KNOWN_STD).all()
    assert (without.std(places) < KNOWN_STD).mean() < 0.5


@settings(max_examples=10)
@given(SEEDS)
def test_right_matches_overrule_what_is_kept_wrongly(seed: int) -> None:
    """A few blobs of another place, 8 cells off."""
    places, shifts = drawn(seed, 6)
    field = WarpField(PlaneMap(np.eye(3)), SHAPE)
    field.keep(places, shifts + 8, 1.0)
    everywhere, _, reach = matches_at_random(seed)
    right = 2 * np.sin(everywhere / 25)
    field.fit(everywhere, right, np.full(len(everywhere), 0.3))
    field.grow(everywhere, right, np.ones(len(everywhere), bool), reach=reach)
    assert np.abs(field.displacement(everywhere) - right).max() < 1.0
