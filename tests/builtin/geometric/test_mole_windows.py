"""Windows of the skin around a mole, on noise with a mask."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mel_debug.builtin.matchers.geometric import mole_windows
from mel_debug.builtin.matchers.geometric.mole_windows import (
    DARKEST,
    MOST_HALF,
    SpotSkin,
    sigma_px,
)
from mel_debug.core.laplacian import laplacian
from mel_debug.core.types import Photo

STEP = np.array([[1.1, 0.3], [-0.2, 0.9]])
PLACE = np.array([90.0, 80.0])


def noise(seed: int = 1, mask: np.ndarray | None = None) -> Photo:
    pixels = np.random.default_rng(seed).integers(60, 200, (160, 200, 3)).astype(np.uint8)
    return Photo.of(pixels, mask)


@pytest.mark.parametrize("half", [5, 12, MOST_HALF])
def test_windows_of_all_sizes_show_the_same_skin(half: int) -> None:
    """They differ by the level of their skin only, but for the smoothing at their edge."""
    around = SpotSkin.around(noise(), PLACE, STEP)
    window, largest = around.window(half), around.window(MOST_HALF)
    assert window.shape == (2 * half + 1, 2 * half + 1)
    middle = slice(half - 1, half + 2)
    whole = slice(MOST_HALF - 1, MOST_HALF + 2)
    differences = window[middle, middle] - largest[whole, whole]
    np.testing.assert_allclose(differences, differences[0, 0], atol=2e-3)


def test_skin_elsewhere_is_that_sampled_there() -> None:
    """Only the place changes; nothing is sampled again where it is the same."""
    photo, other = noise(), PLACE + 7.3
    around = SpotSkin.around(photo, PLACE, STEP)
    np.testing.assert_array_equal(
        around.at(other).window(9), SpotSkin.around(photo, other, STEP).window(9)
    )
    assert around.at(PLACE.copy()) is around


def test_what_the_mask_hides_is_like_skin() -> None:
    """A dark strap that the mask hides leaves no trace, and nothing is darker than a limit."""
    mask = np.ones((160, 200), dtype=bool)
    mask[:, 95:] = False
    pixels = np.full((160, 200, 3), 150, np.uint8)
    pixels[:, 95:] = 5
    pixels[70:75, 60:65] = 0
    window = SpotSkin.around(Photo.of(pixels, mask), PLACE, np.eye(2)).window(MOST_HALF)
    assert not window[:, MOST_HALF + 12 :].any()
    assert 0.8 * DARKEST < window.max() <= DARKEST


@given(
    sigma=st.floats(2.0, 12.0),
    x=st.floats(60, 240),
    y=st.floats(60, 240),
    off=st.floats(-0.25, 0.25),
)
@settings(max_examples=30, deadline=None)
def test_the_size_of_a_spot_is_that_of_its_gaussian(
    sigma: float, x: float, y: float, off: float
) -> None:
    """To the next of the sizes, also if the mark is a quarter of a sigma off."""
    down, across = np.mgrid[:300, :3000] + 0.5
    grey = 160 * np.exp(-0.4 * np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * sigma**2)))
    photo = Photo.of(np.rint(grey).astype(np.uint8)[..., np.newaxis].repeat(3, axis=2))
    assert sigma_px(photo, np.array([x + off * sigma, y])) == pytest.approx(sigma, rel=0.13)


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(0, len(mole_windows.SIGMAS) - 1))
@settings(max_examples=20, deadline=None)
def test_sizes_are_compared_by_the_laplacian_of_all_blobs(seed: int, size: int) -> None:
    """The response in the middle of a window is that of the detector, which cuts its filters."""
    smooth, second = mole_windows._filters()[size]
    side = smooth.shape[1]
    sigma = 2.0 * mole_windows.SIGMAS[size] / mole_windows.SIGMAS[0]
    dark = sigma * np.random.default_rng(seed).normal(size=(side, side))
    response = smooth @ dark @ second.T + second @ dark @ smooth.T
    assert response[1, 1] == pytest.approx(laplacian(dark, sigma)[side // 2, side // 2], abs=0.01)
