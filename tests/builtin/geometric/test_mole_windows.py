"""The size of a spot, on drawn spots."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.builtin.matchers.geometric.mole_windows import SIGMAS, sigma_px
from mel_debug.core.types import Photo

SIDE = 800
MIDDLE = np.array([400.0, 400.0])


def spot(sigma: float, squeeze: np.ndarray) -> Photo:
    """Return a round spot of a sigma on even skin, as it looks under a (2, 2) map."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    away = np.stack([x - MIDDLE[0], y - MIDDLE[1]], axis=-1) @ np.linalg.inv(squeeze).T
    grey = 170 * np.exp(-0.4 * np.exp(-(away**2).sum(axis=-1) / (2 * sigma**2)))
    return Photo.of(np.repeat(grey.round().astype(np.uint8)[..., np.newaxis], 3, axis=2))


@given(
    share=st.floats(SIGMAS[3], SIGMAS[7]),
    scale=st.floats(0.7, 1.8),
    tilt=st.floats(0.6, 1.0),
    angle=st.floats(-3.1, 3.1),
)
def test_the_size_of_a_spot_is_the_same_in_both_photos(
    share: float, scale: float, tilt: float, angle: float
) -> None:
    """Up to a step of the sizes: turned, tilted and at another scale, with the map between them."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    jacobian = scale * turn @ np.diag([1.0, tilt])
    size = share * SIDE
    plain = sigma_px(spot(size, np.eye(2)), MIDDLE)
    mapped = sigma_px(spot(size, jacobian), MIDDLE, jacobian)
    assert 0.6 < mapped / plain < 1.65
    assert 0.6 < plain / size < 1.65
