"""Laws of affine maps of small regions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mel_debug.builtin.matchers.geometric.arrays import with_ones
from mel_debug.builtin.matchers.geometric.local_maps import APART, MOST_REGIONS, local_maps
from mel_debug.builtin.matchers.geometric.sized_blobs import Blobs

SEEDS = st.integers(0, 2**32 - 1)
SQUARE = np.ones(2)
SAME = np.array([[1.0, 0], [0, 1], [0, 0]])


def drawn(seed: int, count: int) -> Blobs:
    """Return blobs anywhere on a photo."""
    generator = np.random.default_rng(seed)
    return Blobs(
        generator.uniform(0.02, 0.98, (count, 2)), generator.uniform(-6.5, -5.5, count), SQUARE
    )


@settings(max_examples=20)
@given(SEEDS, st.floats(-0.01, 0.01), st.floats(-0.01, 0.01), st.floats(-0.1, 0.1))
def test_a_rough_map_leads_to_the_exact_ones(seed: int, x: float, y: float, slope: float) -> None:
    """From places up to 1 % of the side and slopes up to 10 % off."""
    here = drawn(seed, 160)
    exact = np.array([[1.1, 0.2], [-0.1, 1.0], [0.0, -0.05]])
    there = Blobs(with_ones(here.places) @ exact, here.sizes + 0.05, np.full(2, 1.3))

    def rough(centre: np.ndarray) -> np.ndarray:
        slopes = exact[:2] * (1 + np.array([[slope], [-slope]]))
        return np.vstack([slopes, centre @ (exact[:2] - slopes) + exact[2] + [x, y]])

    found = list(local_maps(rough, here.places, here, there))
    assert found
    best = max(found, key=lambda each: each.likelihood)
    assert (best.rows == best.columns).mean() > 0.9
    at = here.places[best.rows]
    assert np.abs(with_ones(at) @ (best.affine - exact)).max() < 0.003


@settings(max_examples=10)
@given(SEEDS)
def test_regions_of_the_same_skin_are_far_more_probable(seed: int) -> None:
    """Than those of other skin, where some blobs match by chance."""
    here = drawn(seed, 200)
    moved = Blobs(here.places + 0.004, here.sizes, SQUARE)
    same = [each.likelihood for each in local_maps(lambda _: SAME, here.places, here, moved)]
    others = local_maps(lambda _: SAME, here.places, here, drawn(seed + 1, 200))
    assert np.median(same) > max([0.0, *(each.likelihood for each in others)]) + 10


def test_regions_are_apart_and_few() -> None:
    """However many blobs there are."""
    here = drawn(3, 400)
    centres: list[np.ndarray] = []

    def rough(centre: np.ndarray) -> np.ndarray:
        centres.append(centre)
        return SAME

    list(local_maps(rough, here.places, here, here))
    assert len(centres) == MOST_REGIONS
    steps = np.linalg.norm(np.array(centres)[:, np.newaxis] - np.array(centres), axis=2)
    assert steps[~np.eye(len(centres), dtype=bool)].min() >= APART


@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_blobs_have_no_map(count: int) -> None:
    """However well they agree."""
    few = drawn(5, count)
    assert list(local_maps(lambda _: SAME, few.places, few, few)) == []


def test_a_mirrored_map_is_none() -> None:
    """Skin has no mirror image."""
    here = drawn(7, 100)
    mirror = np.array([[-1.0, 0], [0, 1], [1, 0]])
    mirrored = Blobs(with_ones(here.places) @ mirror, here.sizes, SQUARE)
    assert list(local_maps(lambda _: mirror, here.places, here, mirrored)) == []
