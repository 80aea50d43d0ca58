"""Laws of comparing results: what is promised passes, and nothing that differs by more."""

import pytest

from mel_debug.automark.joint import Candidate
from mel_debug.core.geometry import Point
from tolerance import CONFIDENCE, PLACE_PX, SCORE_SHARE, assert_same_results, differences

REPORT = {
    "uuid": "a",
    "x": 500.0,
    "y": 20.0,
    "confidence": 0.5,
    "absent": 0.25,
    "score": 0.9,
    "similarity_min": -0.5,
    "similarity_max": 0.9,
    "radius_px": 100.0,
    "cycle_error_px": None,
    "moves_px": [0.5, 0.25],
    "uncertain": False,
    "scaled_size": [256, 224],
    "notes": ["searched back 3.1 px from the mole"],
    "support": {"matches": 200.0},
}


@pytest.mark.parametrize(
    "other",
    [
        {"x": 500.0 + 0.9 * PLACE_PX},
        {"confidence": 0.5 - 0.9 * CONFIDENCE},
        {"absent": 0.25 + 0.9 * CONFIDENCE},
        {"score": 0.9 - 0.9 * SCORE_SHARE * 1.4},
        {"radius_px": 104.0},
        {"moves_px": [0.4, 1.1]},
        {"notes": ["searched back 3.4 px from the mole"]},
        {"support": {"matches": 150.0}},
    ],
    ids=str,
)
def test_results_that_differ_by_rounding_are_the_same(other: dict[str, object]) -> None:
    """In a list, too, and either way round."""
    assert_same_results([REPORT, REPORT], [REPORT, REPORT | other])
    assert_same_results(REPORT | other, REPORT)


@pytest.mark.parametrize(
    "other",
    [
        {"x": 500.0 + 1.1 * PLACE_PX},
        {"confidence": 0.5 - 1.1 * CONFIDENCE},
        {"absent": 0.25 + 1.1 * CONFIDENCE},
        {"score": 0.9 - 1.1 * SCORE_SHARE * 1.4},
        {"radius_px": 106.0},
        {"moves_px": [0.5]},
        {"cycle_error_px": 1.0},
        {"uncertain": True},
        {"scaled_size": [256, 225]},
        {"uuid": "b"},
        {"notes": ["plain similarity instead"]},
        {"support": {"matched": 200.0}},
    ],
    ids=str,
)
def test_what_differs_by_more_is_named(other: dict[str, object]) -> None:
    """By the path to it."""
    (found,) = differences({"targets": [REPORT]}, {"targets": [REPORT | other]})
    assert found.startswith(f".targets[0].{next(iter(other))}")


def test_values_compare_as_the_reports_that_are_made_of_them() -> None:
    """Field by field."""
    one = Candidate(Point(10.0, 10.0), 0.9)
    assert_same_results((one,), (Candidate(Point(10.4, 10.0), 0.905),))
    assert list(differences((one,), (Candidate(Point(12.0, 10.0), 0.9),)))
