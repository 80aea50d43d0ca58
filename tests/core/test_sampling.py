"""Laws of windows that are sampled from photos."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mel_debug.core.photo import Photo
from mel_debug.core.sampling import sample_window, valid_in_window
from painted import white_spot


def centroid(picture: np.ndarray) -> np.ndarray:
    """Return the centroid (x, y) of the brightness."""
    weight = np.asarray(picture[..., 0], dtype=float)
    down, across = np.mgrid[: weight.shape[0], : weight.shape[1]] + 0.5
    moments = np.array([(weight * across).sum(), (weight * down).sum()])
    return np.asarray(moments / weight.sum())


@given(
    x=st.floats(60, 140),
    y=st.floats(60, 100),
    angle=st.floats(-3, 3),
    zoom=st.floats(0.4, 2),
)
@settings(max_examples=40, deadline=None)
def test_a_window_is_centred_on_its_point(x: float, y: float, angle: float, zoom: float) -> None:
    """Under rotation and scale the point appears within 0.3 px of the window's middle."""
    step = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
    photo = Photo.of(white_spot(160, 200, x, y))
    window = sample_window(photo, np.array([x, y]), step, 64)
    np.testing.assert_allclose(centroid(window), [32, 32], atol=0.3)


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.2, 60))
def test_a_photo_may_be_narrower_than_a_window_pixel(width: int, height: int, step: float) -> None:
    """A window of a photo of one colour has that colour, whatever the sizes."""
    photo = Photo.of(np.full((height, width, 3), 77, np.uint8))
    window = sample_window(photo, np.array([width / 2, height / 2]), step * np.eye(2), 16)
    assert window.shape == (16, 16, 3)
    assert (window == 77).all()


def test_window_pixels_outside_the_photo_or_mask_are_invalid() -> None:
    """Half of a window around an edge lies outside; masked pixels are invalid as well."""
    mask = np.ones((50, 60), dtype=bool)
    mask[:, 5:] = False
    photo = Photo.of(np.zeros((50, 60, 3), np.uint8), mask)
    valid = valid_in_window(photo, np.array([0.0, 25.0]), np.eye(2), 20)
    assert not valid[:, :10].any()
    assert valid[:, 10:15].all()
    assert not valid[:, 15:].any()


@given(st.floats(0, 60), st.floats(0, 50), st.floats(0.2, 9), st.integers(0, 2))
def test_a_window_of_a_channel_is_that_channel_of_the_window(
    x: float, y: float, step: float, channel: int
) -> None:
    """Also where several photo pixels are averaged, and at the edge of the photo."""
    photo = Photo.of(np.random.default_rng(2).integers(0, 256, (50, 60, 3)).astype(np.uint8))
    window = sample_window(photo, np.array([x, y]), step * np.eye(2), 12)
    only = sample_window(photo, np.array([x, y]), step * np.eye(2), 12, channel)
    np.testing.assert_array_equal(only, window[..., channel])
