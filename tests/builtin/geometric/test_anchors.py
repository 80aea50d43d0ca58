"""The correction of the warp field by anchors, on offsets of known truth."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.builtin.matchers.geometric.anchors import (
    LENGTH,
    NO_CORRECTION,
    NOISE_STD,
    OFFSET_STD,
    Anchors,
    corrections,
    leave_one_out,
    trusted,
)
from mel_debug.builtin.matchers.geometric.arrays import Array

LONGEST = 6000.0


def smooth_offset(places: Array) -> Array:
    """Return (n, 2) offsets of a bend that varies over four length scales, at most 50 px."""
    x, y = (places / (4 * LENGTH * LONGEST)).T
    return np.stack([30 * np.sin(x) + 20 * np.cos(y), 40 * np.cos(x + y)], axis=1)


def scattered(seed: int, count: int, side: float = 1500.0) -> Array:
    """Return (count, 2) places in a square in the middle of the photo."""
    return 2000 + np.random.default_rng(seed).uniform(0, side, (count, 2))


def anchors(places: Array) -> Anchors:
    """Return anchors of full weight with the smooth offset at their places."""
    return Anchors(places, smooth_offset(places), np.ones(len(places)))


def without(some: Anchors, number: int) -> Anchors:
    """Return the anchors but one."""
    return Anchors(
        *(np.delete(each, number, axis=0) for each in (some.places, some.offsets, some.weights))
    )


@given(st.integers(0, 10_000), st.integers(2, 25))
def test_leaving_one_out_equals_predicting_from_the_others(seed: int, count: int) -> None:
    """The closed form agrees with a prediction from the other anchors, whatever their weights."""
    rng = np.random.default_rng(seed)
    some = Anchors(
        scattered(seed, count, side=1000.0),
        rng.normal(0, 30, (count, 2)),
        rng.uniform(0.05, 1, count),
    )
    errors, variances = leave_one_out(some, LONGEST)
    for number in range(count):
        place = some.places[number]
        away = np.hypot(*(some.places - place).T)
        if ((away > 0) & (away < 0.004 * LONGEST)).any():
            continue  # an anchor of the same spot is left out of a prediction as well
        (alone,) = corrections(without(some, number), place[np.newaxis], LONGEST)
        assert alone.offset == pytest.approx(some.offsets[number] + errors[number], abs=1e-6)
        own = (NOISE_STD * LONGEST) ** 2 / some.weights[number]
        latent = alone.unexplained * (OFFSET_STD * LONGEST) ** 2
        assert latent + own == pytest.approx(variances[number])


@given(st.integers(0, 10_000))
def test_a_smooth_bend_is_predicted_with_its_gradient(seed: int) -> None:
    """Between 60 anchors the offset is exact to a fraction of a pixel, the gradient to 1 %."""
    some = anchors(scattered(seed, 60))
    place = np.array([[2750.0, 2750.0]])
    (found,) = corrections(trusted(some, LONGEST), place, LONGEST)
    assert np.hypot(*(found.offset - smooth_offset(place)[0])) < 5
    steps = np.eye(2)
    slope = np.stack(
        [(smooth_offset(place + step) - smooth_offset(place - step))[0] / 2 for step in steps], 1
    )
    assert found.gradient == pytest.approx(slope, abs=0.02)
    assert found.unexplained < 0.1


@given(st.integers(0, 10_000), st.floats(0.05, 20))
def test_lengths_are_shares_of_the_photo(seed: int, scale: float) -> None:
    """A photo with more pixels gets the same correction in its own pixels."""
    some = anchors(scattered(seed, 20))
    place = np.array([[2600.0, 2900.0]])
    larger = replace(some, places=some.places * scale, offsets=some.offsets * scale)
    (one,) = corrections(trusted(some, LONGEST), place, LONGEST)
    (other,) = corrections(trusted(larger, LONGEST * scale), place * scale, LONGEST * scale)
    assert other.offset == pytest.approx(one.offset * scale, rel=1e-6, abs=1e-6 * scale)
    assert other.gradient == pytest.approx(one.gradient, rel=1e-6, abs=1e-9)
    assert other.error_std == pytest.approx(one.error_std * scale, rel=1e-6)
    assert other.unexplained == pytest.approx(one.unexplained, abs=1e-6)
    assert other.near == one.near


@given(st.integers(0, 10_000), st.floats(0, 2 * np.pi))
def test_one_wild_anchor_does_not_bend_its_neighbours(seed: int, angle: float) -> None:
    """An anchor that is 150 px off among 20 moves the prediction in its middle by at most 5 px."""
    places = np.vstack([scattered(seed, 20, side=800.0), [[2400.0, 2400.0]]])
    honest = anchors(places)
    wild = replace(honest, offsets=honest.offsets.copy())
    wild.offsets[-1] += 150 * np.array([np.cos(angle), np.sin(angle)])
    beside = np.array([[2430.0, 2400.0]])
    (expected,) = corrections(trusted(honest, LONGEST), beside, LONGEST)
    (found,) = corrections(trusted(wild, LONGEST), beside, LONGEST)
    assert np.hypot(*(found.offset - expected.offset)) < 5
    assert trusted(wild, LONGEST).weights[-1] < 0.1


def test_without_anchors_nothing_is_corrected() -> None:
    """No anchor, or none within reach, leaves all of the variance unexplained."""
    place = np.array([[100.0, 100.0]])
    nothing = Anchors(np.empty((0, 2)), np.empty((0, 2)), np.empty(0))
    assert corrections(trusted(nothing, LONGEST), place, LONGEST) == [NO_CORRECTION]
    far = anchors(scattered(1, 10))
    assert corrections(trusted(far, LONGEST), place, LONGEST) == [NO_CORRECTION]


def test_a_mole_is_no_anchor_of_itself() -> None:
    """The offset of the predicted mole itself has no influence, even if it is listed twice."""
    places = scattered(3, 12)
    twice = anchors(np.vstack([places, places[:1] + 1]))
    changed = replace(twice, offsets=twice.offsets.copy())
    changed.offsets[[0, -1]] += 300
    one, other = (corrections(each, places[:1], LONGEST)[0] for each in (twice, changed))
    assert other.offset == pytest.approx(one.offset)


def test_anchors_that_contradict_each_other_are_less_sure() -> None:
    """The std follows from how well neighbours predict each other, not from their number."""
    honest = anchors(scattered(5, 20, side=600.0))
    noise = np.random.default_rng(6).normal(0, 40, honest.offsets.shape)
    place = np.array([[2300.0, 2300.0]])
    (sure,) = corrections(honest, place, LONGEST)
    (unsure,) = corrections(replace(honest, offsets=honest.offsets + noise), place, LONGEST)
    assert sure.error_std < 6
    assert unsure.error_std > 4 * sure.error_std
