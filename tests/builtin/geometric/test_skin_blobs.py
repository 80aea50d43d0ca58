"""The choice of dark blobs on drawn skin."""

import numpy as np
import pytest

from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.builtin.matchers.geometric.skin_blobs import MOST_BLOBS, choose_blobs
from mel_debug.core.types import Photo


def skin(places: Array, side: int = 1000, radius: float = 3.0) -> np.ndarray:
    """Return (side, side, 3) grey skin with a dark Gaussian spot at each (x, y)."""
    y, x = np.mgrid[:side, :side] + 0.5
    grey = np.full((side, side), 180.0)
    for across, down in places:
        grey -= 60 * np.exp(-((x - across) ** 2 + (y - down) ** 2) / (2 * radius**2))
    return np.repeat(grey.round().astype(np.uint8)[..., np.newaxis], 3, axis=2)


def scattered(count: int, low: float, high: float) -> Array:
    """Return (count, 2) places at least 30 px apart."""
    drawn = np.random.default_rng(1).uniform(low, high, (20 * count, 2))
    places: list[Array] = []
    for place in drawn:
        if all(np.hypot(*(place - other)) > 30 for other in places):
            places.append(place)
    return np.array(places[:count])


@pytest.mark.slow
def test_blobs_near_the_mole_are_found_to_a_pixel_but_not_the_mole_itself() -> None:
    """Every chosen blob is a drawn spot, and none is the mole."""
    spots = scattered(8, 452, 548)
    mole, others = spots[:1], spots[1:]
    chosen = choose_blobs(Photo.of(skin(spots)), mole)
    assert len(chosen) == len(others)
    nearest = np.linalg.norm(chosen[:, np.newaxis] - others, axis=2).min(axis=1)
    assert nearest.max() < 1
    assert np.linalg.norm(chosen - mole, axis=1).min() > 20


@pytest.mark.slow
def test_a_larger_photo_has_the_same_blobs() -> None:
    """A photo with twice as many pixels a side has its blobs at twice the coordinates."""
    spots = scattered(8, 452, 548)
    small = choose_blobs(Photo.of(skin(spots)), spots[:1])
    large = choose_blobs(Photo.of(skin(2 * spots, 2000, 6.0)), 2 * spots[:1])
    assert large / 2 == pytest.approx(small, abs=1.5)


def test_masked_spots_lines_and_far_spots_are_not_chosen() -> None:
    """Neither a spot outside the mask, nor a dark line, nor a spot beyond the reach is chosen."""
    spots = np.array([[500.0, 500.0], [540.0, 500.0], [460.0, 500.0], [900.0, 900.0]])
    pixels = skin(spots)
    pixels[560:563, 300:700] = 90  # a hair
    mask = np.ones(pixels.shape[:2], dtype=bool)
    mask[:, :480] = False
    chosen = choose_blobs(Photo.of(pixels, mask), spots[:1])
    assert chosen == pytest.approx(spots[1:2], abs=1)


@pytest.mark.slow
def test_moles_with_enough_others_nearby_need_no_blobs() -> None:
    """The number of blobs is limited, and is zero where moles support each other."""
    spots = scattered(14, 430, 570)
    photo = Photo.of(skin(np.vstack([spots, scattered(60, 300, 700)])))
    assert len(choose_blobs(photo, spots)) == 0
    assert 0 < len(choose_blobs(photo, scattered(30, 30, 970))) <= MOST_BLOBS


def test_bare_or_masked_skin_has_no_blobs() -> None:
    """Without a blob, or without skin, nothing is chosen."""
    bare = skin(np.empty((0, 2)))
    mole = np.array([[500.0, 500.0]])
    assert choose_blobs(Photo.of(bare), mole).shape == (0, 2)
    nothing = np.zeros(bare.shape[:2], dtype=bool)
    assert choose_blobs(Photo.of(bare, nothing), mole).shape == (0, 2)
