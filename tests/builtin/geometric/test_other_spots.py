"""Whether a spot found for a mole is another spot of the source."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.builtin.matchers.geometric.other_spots import MOST_TWIN, is_another, twin_of

LONGEST, SIGMA = 2000, 4.0
MOLE = np.array([500.0, 400.0])
TWIN = MOLE + np.array([40.0, 10.0])
BLOBS = np.array([MOLE, TWIN, MOLE + np.array([-90.0, 60.0])]), np.array([0.10, 0.08, 0.02])


def another(seen: np.ndarray, contrasts: np.ndarray = BLOBS[1]) -> bool:
    """Whether a spot that is expected at `seen` is not the mole."""
    return is_another((BLOBS[0], contrasts), MOLE, SIGMA, seen, LONGEST)


def test_what_is_found_where_a_twin_is_expected_is_the_twin() -> None:
    """Up to a small error of the warp field."""
    assert another(TWIN)
    assert another(TWIN + np.array([2.0, -2.0]))


def test_what_is_found_near_the_mole_or_beside_all_spots_is_no_other() -> None:
    """The warp field may be off."""
    assert not another(MOLE + np.array([5.0, 0.0]))
    assert not another(MOLE + np.array([20.0, 5.0]))
    assert not another(TWIN + np.array([8.0, 0.0]))


def test_a_faint_spot_is_not_taken_for_a_mole() -> None:
    """Faint freckles are everywhere, so that one is often near."""
    assert not another(TWIN, np.array([0.10, 0.02, 0.02]))


def test_without_blobs_there_is_no_other_spot() -> None:
    """On even skin."""
    nothing = np.empty((0, 2)), np.empty(0)
    assert not is_another(nothing, MOLE, SIGMA, TWIN, LONGEST)
    only = BLOBS[0][:1], BLOBS[1][:1]
    assert not is_another(only, MOLE, SIGMA, TWIN, LONGEST)


def twin(seen: np.ndarray, known: float = 1.0) -> float:
    """How far a spot that is expected at `seen` speaks for another one than the mole."""
    return twin_of(BLOBS, MOLE, SIGMA, seen, known)


def test_a_place_speaks_for_the_spot_that_it_is_closer_to() -> None:
    """Half-way it speaks for neither; where nothing is known well, it hardly speaks."""
    assert twin(MOLE) == -MOST_TWIN
    assert twin(TWIN) == MOST_TWIN
    assert twin((MOLE + TWIN) / 2) == pytest.approx(0.0)
    assert twin(TWIN, known=400.0) < 0.2


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 50))
def test_it_rises_on_the_way_to_the_twin(one: float, other: float, known: float) -> None:
    """However well places are known."""
    here, there = (MOLE + share * (TWIN - MOLE) for share in sorted((one, other)))
    assert twin(here, known) <= twin(there, known) + 1e-9


def test_a_mole_without_others_has_no_twin() -> None:
    """The place speaks for the mole, even far away."""
    nothing = np.empty((0, 2)), np.empty(0)
    assert twin_of(nothing, MOLE, SIGMA, TWIN, 1.0) == -MOST_TWIN
