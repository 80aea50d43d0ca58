"""Moles aligned by themselves, on drawn skin with a large mole."""

import numpy as np
import pytest

from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.builtin.matchers.geometric.mole_alignment import (
    GOOD_CORRELATION,
    AlignedMole,
    align_mole,
)
from mel_debug.builtin.matchers.geometric.mole_windows import SAMPLES, SIGMAS, SpotSkin, sigma_px
from mel_debug.builtin.matchers.geometric.pixel_alignment import align_pixels
from mel_debug.core.types import Photo

SIDE = 600
MOLE = np.array([300.0, 300.0])
LONG, WIDE = 34.0, 14.0
"""Radii of the mole, which is a good deal longer than wide."""

SIGMA = 12.0


def skin(
    *, mole: bool = True, strap: float | None = None, light: float = 0.0, dark: float = 0.4
) -> Photo:
    """Return skin with noise, a mole, and a strap whose edge is so many pixels right of it."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    noise = np.random.default_rng(3).normal(size=(SIDE, SIDE))
    grey = 170 * np.exp(0.01 * noise + light * x / SIDE)
    if mole:
        away = ((x - MOLE[0]) / WIDE) ** 2 + ((y - MOLE[1]) / LONG) ** 2
        grey *= np.exp(-dark / (1 + np.exp(np.minimum(8 * (away - 1), 50))))
    if strap is not None:
        across = (x - MOLE[0]) * 0.8 - (y - MOLE[1]) * 0.6
        grey[across > strap] = 40
    return Photo.of(np.clip(grey.round(), 0, 255).astype(np.uint8)[..., np.newaxis].repeat(3, 2))


def around(photo: Photo, place: Array) -> SpotSkin:
    return SpotSkin.around(photo, place, np.eye(2) * SIGMA / SAMPLES)


def aligned(source: Photo, target: Photo, off: Array) -> AlignedMole:
    """Align the mole from a place that is `off` it."""
    return align_mole(around(source, MOLE), around(target, MOLE + off))


@pytest.mark.parametrize("light", [0.0, 0.5])
@pytest.mark.parametrize("off", [(0.0, 0.0), (4.0, -9.0), (-3.0, 20.0)])
def test_a_mole_is_aligned_in_any_light(off: tuple[float, float], light: float) -> None:
    """It is found to a twentieth of its size, from anywhere on it."""
    found = aligned(skin(), skin(light=light, dark=0.3), np.array(off))
    assert np.hypot(*(found.place - MOLE)) < SIGMA / 10
    assert found.correlation > GOOD_CORRELATION


@pytest.mark.parametrize("in_source", [True, False])
def test_a_strap_beside_a_mole_does_not_move_it(in_source: bool) -> None:
    """Where plain alignment of pixels is drawn to the strap, the mole still is aligned."""
    source = skin(strap=24.0 if in_source else None, dark=0.7)
    target = skin(strap=None if in_source else 24.0, dark=0.6)
    start = MOLE + np.array([-3.0, 14.0])
    plain, _ = align_pixels(source, target, MOLE, start, np.eye(2))
    found = align_mole(around(source, MOLE), around(target, start))
    assert np.hypot(*(found.place - MOLE)) < SIGMA / 4 < np.hypot(*(plain - MOLE))


def test_nothing_is_like_a_mole_that_has_gone() -> None:
    """Its place stays as it was, and the correlation is small."""
    found = aligned(skin(), skin(mole=False), np.array([3.0, 3.0]))
    assert found.place.tolist() == [303.0, 303.0]
    assert found.correlation < 0.6


def test_unlikely_places_are_not_considered() -> None:
    """A mole 20 px away is not found if it may only be within 5."""
    start = MOLE + np.array([0.0, 20.0])
    found = align_mole(
        around(skin(), MOLE),
        around(skin(), start),
        lambda place: float(np.hypot(*(place - start))) < 5,
    )
    assert found.place.tolist() == start.tolist()


@pytest.mark.parametrize("place", [np.array([1.0, 1.0]), np.array([599.0, 300.0])])
def test_moles_at_the_edge_of_a_photo_have_a_correlation(place: Array) -> None:
    """Windows that reach beyond the photo give a finite value from 0 to 1."""
    found = align_mole(around(skin(), place), around(skin(), place))
    assert 0 <= found.correlation <= 1
    assert np.isfinite(found.place).all()


def test_the_size_of_a_mole_is_one_of_the_sizes_of_moles() -> None:
    """An elongated mole has a size between its radii by the square root of two."""
    size = sigma_px(skin(), MOLE)
    assert SIGMAS[0] * SIDE <= size <= SIGMAS[-1] * SIDE
