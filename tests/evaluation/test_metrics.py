"""Measures, compared with cases computed by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mel_debug.evaluation import metrics


def flags(text: str) -> np.ndarray:
    """`x` is True."""
    return np.array([letter == "x" for letter in text])


def test_the_share_of_an_empty_array_is_none() -> None:
    """It is not 0, and does not divide by 0."""
    assert metrics.share(flags("xx..")) == 0.5
    assert metrics.share(flags("")) is None
    assert metrics.wilson(0, 0) is None


def test_wilsons_interval_follows_its_formula() -> None:
    """8 of 10: centre (p + z2/2n) / (1 + z2/n), and half the width beside it."""
    p, n, z = 0.8, 10, 1.959964
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert metrics.wilson(8, 10) == pytest.approx((centre - half, centre + half), abs=1e-6)


def test_the_interval_of_a_perfect_share_has_a_width() -> None:
    """For ten of ten the lower end is 1 / (1 + z2/10)."""
    interval = metrics.wilson(10, 10)
    assert interval is not None
    assert interval[0] == pytest.approx(1 / (1 + 1.959964**2 / 10), abs=1e-6)
    assert interval[1] == pytest.approx(1)


def test_the_bootstrap_draws_whole_photos() -> None:
    """One photo all right, one all wrong: a draw of two is 0, 1/2 or 1, so the interval is all."""
    hits, photos = flags("xxxx...."), list("aaaabbbb")
    assert metrics.photo_bootstrap(hits, photos) == (0.0, 1.0)


def test_photos_of_equal_shares_have_an_interval_without_width() -> None:
    """Each photo has one of two right: any draw of photos has half."""
    assert metrics.photo_bootstrap(flags("x.x.x."), list("aabbcc")) == (0.5, 0.5)


def test_a_single_photo_has_no_interval() -> None:
    """One photo does not show how photos vary."""
    assert metrics.photo_bootstrap(flags("xx."), list("aaa")) is None


def test_auroc_counts_pairs_in_the_right_order() -> None:
    """Right: 0.9 and 0.4; wrong: 0.6 and 0.1. Of four pairs only (0.4, 0.6) is in wrong order."""
    assert metrics.auroc(np.array([0.9, 0.6, 0.4, 0.1]), flags("x.x.")) == 0.75


def test_a_tie_counts_half() -> None:
    """Two pairs: one tied, one in order."""
    assert metrics.auroc(np.array([0.5, 0.5, 0.2]), flags("x..")) == 0.75


def test_auroc_needs_right_and_wrong_answers() -> None:
    """It is None otherwise."""
    assert metrics.auroc(np.array([0.5, 0.7]), flags("xx")) is None


@given(arrays(np.float64, 12, elements=st.floats(0, 1)), arrays(np.bool_, 12))
def test_auroc_is_the_share_of_ordered_pairs(confidences: np.ndarray, right: np.ndarray) -> None:
    """It equals the definition, counted pair by pair."""
    pairs = [
        1.0 if good > bad else 0.5 if good == bad else 0.0
        for good in confidences[right]
        for bad in confidences[~right]
    ]
    value = metrics.auroc(confidences, right)
    assert value == (pytest.approx(np.mean(pairs)) if pairs else None)


def test_the_calibration_error_is_the_mean_gap_of_the_bins() -> None:
    """Bin 0.9-1: mean 0.95, 1 of 2 right, gap 0.45. Bin 0.1-0.2: mean 0.15, none of 2, gap 0.15."""
    confidences = np.array([0.92, 0.98, 0.1, 0.2 - 1e-9])
    assert metrics.calibration_error(confidences, flags("x...")) == pytest.approx(0.3)


def test_a_confidence_of_one_is_in_the_last_bin() -> None:
    """There is no eleventh bin."""
    (last,) = metrics.reliability(np.array([1.0, 0.95]), flags("xx"))
    assert (last.low, last.high, last.count, last.share) == (0.9, 1.0, 2, 1.0)
    assert last.mean == pytest.approx(0.975)
    assert metrics.calibration_error(np.array([]), flags("")) is None


@given(arrays(np.float64, 30, elements=st.floats(0, 1)), arrays(np.bool_, 30))
def test_every_answer_is_in_one_bin_of_the_reliability_table(
    confidences: np.ndarray, right: np.ndarray
) -> None:
    """Bins are in order and not empty; counts, means and shares add up to those of all answers."""
    table = metrics.reliability(confidences, right)
    assert sum(each.count for each in table) == 30
    assert [each.low for each in table] == sorted({each.low for each in table})
    assert all(each.low <= each.mean + 1e-9 and each.mean <= each.high + 1e-9 for each in table)
    mean = sum(each.count * each.mean for each in table) / 30
    assert mean == pytest.approx(confidences.mean())
    assert sum(each.count * each.share for each in table) == pytest.approx(right.sum())


def test_risk_over_coverage_accumulates_from_the_highest_confidence() -> None:
    """Thresholds 0.9, 0.5 (two at once) and 0.1 accept 1, 3, 4; of those 0, 1, 2 are wrong."""
    coverage, risk = metrics.risk_coverage(np.array([0.5, 0.9, 0.1, 0.5]), flags("xx.."))
    assert coverage.tolist() == [0.25, 0.75, 1.0]
    assert risk.tolist() == pytest.approx([0, 1 / 3, 0.5])
