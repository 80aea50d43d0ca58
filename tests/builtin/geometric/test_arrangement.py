"""Laws of the place of a mole by the arrangement of the blobs around it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mel_debug.builtin.matchers.geometric.arrangement import (
    MOST_REACH,
    RADIUS,
    WITHIN,
    arrangement_of,
)

LONGEST = 2000
SEEDS = st.integers(0, 2**32 - 1)
SHIFTS = st.floats(-0.7 * MOST_REACH * LONGEST, 0.7 * MOST_REACH * LONGEST)


def around(seed: int, count: int) -> np.ndarray:
    """Return (count, 2): blobs in the square around a mole, in pixels."""
    half = RADIUS * LONGEST / np.sqrt(2)
    return np.random.default_rng(seed).uniform(-half, half, (count, 2))


def moved(here: np.ndarray, shift: np.ndarray, seed: int) -> np.ndarray:
    """Return the blobs shifted, each by up to half of what counts as a match more."""
    error = WITHIN * LONGEST / 2
    errors = np.random.default_rng(seed + 1).uniform(-error, error, here.shape)
    there: np.ndarray = here + shift + errors
    return there


@settings(max_examples=25)
@given(SEEDS, SHIFTS, SHIFTS)
def test_the_shift_of_the_blobs_is_found_among_others(
    seed: int, across: float, down: float
) -> None:
    """The 20 blobs nearest to the mole are in both, and eight others in each."""
    here, shift = around(seed, 28), np.array([across, down])
    here = here[np.argsort(np.hypot(*here.T))]
    there = np.concatenate([moved(here[:20], shift, seed), around(seed + 2, 8)])
    found = arrangement_of(here, there, LONGEST, LONGEST)
    assert found is not None
    assert np.hypot(*(found.shift - shift)) < WITHIN * LONGEST
    assert found.blobs >= 18


@settings(max_examples=25)
@given(SEEDS)
def test_blobs_of_other_skin_say_nothing(seed: int) -> None:
    """Many shifts are tried, and some of them bring many blobs together by chance."""
    assert arrangement_of(around(seed, 30), around(seed + 1, 60), LONGEST, LONGEST) is None


def test_few_blobs_say_nothing() -> None:
    """However well they agree."""
    for count in range(6):
        few = around(7, count)
        assert arrangement_of(few, few, LONGEST, 100.0) is None


def test_blobs_at_the_mole_must_agree_too() -> None:
    """The skin behind the mole may lie elsewhere than that to the side of it."""
    ring = np.exp(2j * np.pi * np.arange(20) / 20) * np.linspace(0.5, 0.9, 20)
    near = np.exp(2j * np.pi * np.arange(8) / 8) * np.linspace(0.1, 0.3, 8)
    far, close = (
        RADIUS * LONGEST * np.column_stack([each.real, each.imag]) for each in (ring, near)
    )
    here, shift = np.concatenate([far, close]), np.array([5.0, -3.0])
    agreed = arrangement_of(here, here + shift, LONGEST, 60.0)
    assert agreed is not None
    assert np.hypot(*(agreed.shift - shift)) < 0.5
    elsewhere = np.concatenate([far + shift, close + shift + [30.0, 0.0]])
    assert arrangement_of(here, elsewhere, LONGEST, 60.0) is None


def test_twice_as_large_a_photo_has_twice_the_shift() -> None:
    """Nothing depends on the size of a photo in pixels."""
    here, shift = around(5, 24), np.array([30.0, 12.0])
    there = moved(here, shift, 5)
    small = arrangement_of(here, there, LONGEST, 80.0)
    large = arrangement_of(2 * here, 2 * there, 2 * LONGEST, 160.0)
    assert small is not None
    assert large is not None
    assert np.allclose(2 * small.shift, large.shift, atol=1e-6)
    assert small.blobs == large.blobs
