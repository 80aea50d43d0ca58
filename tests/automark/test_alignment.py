"""Laws of the alignment of two photos."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mel_debug.automark.alignment import NOISE_STD, density, predict
from strategies import seeds


def scattered(seed: int, count: int) -> tuple[np.random.Generator, NDArray[np.complex128]]:
    rng = np.random.default_rng(seed)
    return rng, rng.uniform(-0.4, 0.4, count) + 1j * rng.uniform(-0.4, 0.4, count)


@given(seeds, st.integers(3, 12), st.floats(0, 6.2), st.floats(0.5, 2))
def test_moles_of_a_rotated_and_scaled_photo_are_predicted(
    seed: int, count: int, turn: float, size: float
) -> None:
    """Each from all others, to within twice the predicted standard deviation."""
    _, source = scattered(seed, count)
    found = size * np.exp(1j * turn) * source + (0.1 - 0.05j)
    predicted = predict(source, found, np.ones(count), np.zeros(count))
    assert (np.abs(predicted.places - found) <= 2 * np.sqrt(predicted.variances)).all()
    assert (predicted.variances >= NOISE_STD**2 * 0.99).all()


@given(seeds, st.integers(2, 10))
def test_the_prediction_of_a_mole_ignores_its_own_place(seed: int, count: int) -> None:
    """Moving a mole, or lowering its weight, only changes the predictions of the others."""
    rng, source = scattered(seed, count)
    found = np.asarray(source + rng.normal(0, 0.02, count), dtype=complex)
    weights, sigmas = np.full(count, 0.8), np.zeros(count)
    before = predict(source, found, weights, sigmas)
    moved, trusted = found.copy(), weights.copy()
    moved[0] += 0.3
    trusted[0] = 0.01
    after = predict(source, moved, trusted, sigmas)
    assert after.places[0] == pytest.approx(before.places[0], abs=1e-6)
    assert after.variances[0] == pytest.approx(before.variances[0], rel=1e-6)


@given(seeds, st.integers(6, 12))
def test_a_mole_of_weight_zero_does_not_change_the_map(seed: int, count: int) -> None:
    """The others are predicted as without it."""
    _, source = scattered(seed, count)
    found, sigmas = source.copy(), np.zeros(count)
    found[0] += 0.3j
    weights = np.ones(count)
    weights[0] = 0.0
    predicted = predict(source, found, weights, sigmas)
    alone = predict(source[1:], found[1:], weights[1:], sigmas[1:])
    assert predicted.places[1:] == pytest.approx(alone.places, abs=1e-4)
    assert predicted.residuals[0] == pytest.approx(0.3, abs=0.1)


def test_the_predicted_variance_grows_with_the_distance_to_other_moles() -> None:
    """Without other moles it is that of the prior."""
    source = np.array([0, 0.02, 0.02j, 0.02 + 0.02j, 0.05, 0.4 + 0.4j])
    predicted = predict(source, source, np.ones(6), np.zeros(6))
    near, far = predicted.variances[3], predicted.variances[5]
    assert near < predicted.variances[4] < far
    alone = predict(source[:1], source[:1], np.ones(1), np.zeros(1))
    assert alone.variances[0] >= 1
    empty = np.zeros(0, dtype=complex)
    assert len(predict(empty, empty, np.zeros(0), np.zeros(0)).places) == 0


def test_the_density_falls_with_the_distance_from_the_prediction() -> None:
    """And is uniform over the photo where the variance is large."""
    sure = density(np.array([0.0, 0.01, 0.3]), np.full(3, 1e-4), 0.6)
    assert sure[0] > sure[1] > sure[2] > 0
    unsure = density(np.array([0.0, 0.2]), np.full(2, 4.0), 0.6)
    assert unsure == pytest.approx(1 / 0.6, rel=0.1)
