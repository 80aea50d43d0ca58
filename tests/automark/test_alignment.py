"""Laws of the map through the moles of two photos."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mel_debug.automark.alignment import NOISE, density, predict
from strategies import seeds


def scattered(seed: int, count: int) -> tuple[np.random.Generator, NDArray[np.complex128]]:
    rng = np.random.default_rng(seed)
    return rng, rng.uniform(-0.4, 0.4, count) + 1j * rng.uniform(-0.4, 0.4, count)


@given(seeds, st.integers(3, 12), st.floats(0, 6.2), st.floats(0.5, 2))
def test_moles_of_a_turned_and_scaled_photo_are_foreseen(
    seed: int, count: int, turn: float, size: float
) -> None:
    """Each from all others, about as exactly as the map says itself."""
    _, source = scattered(seed, count)
    found = size * np.exp(1j * turn) * source + (0.1 - 0.05j)
    foreseen = predict(source, found, np.ones(count), np.zeros(count))
    assert (np.abs(foreseen.places - found) <= 2 * np.sqrt(foreseen.variances)).all()
    assert (foreseen.variances >= NOISE**2 * 0.99).all()


@given(seeds, st.integers(2, 10))
def test_each_prediction_leaves_its_own_mole_out(seed: int, count: int) -> None:
    """Moving a mole, or trusting it less, changes what all others predict, not its own place."""
    rng, source = scattered(seed, count)
    found = np.asarray(source + rng.normal(0, 0.02, count), dtype=complex)
    weights, blurs = np.full(count, 0.8), np.zeros(count)
    before = predict(source, found, weights, blurs)
    moved, trusted = found.copy(), weights.copy()
    moved[0] += 0.3
    trusted[0] = 0.01
    after = predict(source, moved, trusted, blurs)
    assert after.places[0] == pytest.approx(before.places[0], abs=1e-6)
    assert after.variances[0] == pytest.approx(before.variances[0], rel=1e-6)


@given(seeds, st.integers(6, 12))
def test_a_mole_that_is_not_trusted_does_not_bend_the_map(seed: int, count: int) -> None:
    """Others are foreseen as if it were not there."""
    _, source = scattered(seed, count)
    found, blurs = source.copy(), np.zeros(count)
    found[0] += 0.3j
    weights = np.ones(count)
    weights[0] = 0.0
    foreseen = predict(source, found, weights, blurs)
    alone = predict(source[1:], found[1:], weights[1:], blurs[1:])
    assert foreseen.places[1:] == pytest.approx(alone.places, abs=1e-4)
    assert foreseen.residuals[0] == pytest.approx(0.3, abs=0.1)


def test_the_further_from_all_others_the_less_is_known() -> None:
    """Uncertainty grows with the distance, and without others nothing is known."""
    source = np.array([0, 0.02, 0.02j, 0.02 + 0.02j, 0.05, 0.4 + 0.4j])
    foreseen = predict(source, source, np.ones(6), np.zeros(6))
    near, far = foreseen.variances[3], foreseen.variances[5]
    assert near < foreseen.variances[4] < far
    alone = predict(source[:1], source[:1], np.ones(1), np.zeros(1))
    assert alone.variances[0] >= 1
    nobody = np.zeros(0, dtype=complex)
    assert len(predict(nobody, nobody, np.zeros(0), np.zeros(0)).places) == 0


def test_a_likely_place_is_likelier_than_one_far_off() -> None:
    """And where nothing is known, no place of the photo is likelier than another."""
    sure = density(np.array([0.0, 0.01, 0.3]), np.full(3, 1e-4), 0.6)
    assert sure[0] > sure[1] > sure[2] > 0
    unsure = density(np.array([0.0, 0.2]), np.full(2, 4.0), 0.6)
    assert unsure == pytest.approx(1 / 0.6, rel=0.1)
