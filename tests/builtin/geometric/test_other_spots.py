"""Whether a spot found for a mole is another spot of the source."""

import numpy as np

from mel_debug.builtin.matchers.geometric.other_spots import is_another

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
