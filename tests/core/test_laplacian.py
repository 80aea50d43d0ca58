"""The shared detector of dark blobs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from mel_debug.core.laplacian import laplacian


@given(st.integers(16, 120), st.floats(0.6, 9), st.integers(0, 99))
def test_the_filter_is_the_laplacian_of_a_gaussian(side: int, sigma: float, seed: int) -> None:
    """Equal to scipy's, reflected at the border, for any size of window and blob."""
    picture = np.random.default_rng(seed).random((side, side))
    wanted = -(sigma**2) * ndimage.gaussian_laplace(picture, sigma)
    assert np.abs(laplacian(picture, sigma) - wanted).max() < 1e-12
