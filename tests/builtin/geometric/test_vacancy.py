"""Whether skin speaks for a mole having gone, on drawn skin with texture."""

import numpy as np
import pytest

from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.builtin.matchers.geometric.mole_windows import SAMPLES, SpotSkin
from mel_debug.builtin.matchers.geometric.vacancy import Vacancy, vacancy_of
from mel_debug.core.types import Photo

SIDE = 600
MOLE, FRECKLE = np.array([300.0, 300.0]), np.array([330.0, 300.0])
SIGMA = 2.0


def skin(*spots: Array, light: float = 0.0, seed: int = 3) -> Photo:
    """Return skin with blotches, the same for the same seed, and dark spots; `light` is a slope."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    noise = np.random.default_rng(seed).normal(size=(SIDE // 3, SIDE // 3))
    grey = 170 * np.exp(0.04 * np.kron(noise, np.ones((3, 3))) + light * x / SIDE)
    for across, down in spots:
        away = (x - across) ** 2 + (y - down) ** 2
        grey *= np.exp(-0.3 * np.exp(-away / (2 * SIGMA**2)))
    return Photo.of(np.repeat(grey.round().astype(np.uint8)[..., np.newaxis], 3, axis=2))


def seen(target: Photo, lead: Array, found: Array) -> Vacancy:
    """Compare the skin of the mole, whose photo has a freckle beside it."""
    step = np.eye(2) * SIGMA / SAMPLES
    expected = SpotSkin.around(target, lead, step)
    return vacancy_of(
        SpotSkin.around(skin(MOLE, FRECKLE), MOLE, step), expected, expected.at(found)
    )


@pytest.mark.parametrize("light", [0.0, 0.3])
def test_a_mole_that_is_there_is_not_missed(light: float) -> None:
    """The value is near -1 where the mole is found as expected, in any light."""
    assert seen(skin(MOLE, FRECKLE, light=light), MOLE, MOLE).vacancy < -0.8


@pytest.mark.parametrize("light", [0.0, 0.3])
def test_a_mole_that_has_gone_is_missed_at_its_place(light: float) -> None:
    """The value is near 1 where the skin is as before and the mole is not."""
    assert seen(skin(FRECKLE, light=light), MOLE, MOLE).vacancy > 0.5


def test_a_freckle_beside_does_not_stand_for_a_mole_that_has_gone() -> None:
    """The freckle's middle is like the mole, but the skin around it is not."""
    assert seen(skin(FRECKLE), MOLE, FRECKLE).vacancy > 0.5


def test_a_lead_that_is_off_does_not_make_a_mole_gone() -> None:
    """Skin elsewhere doesn't match, so a mole found far from its lead has a value near -1."""
    assert seen(skin(MOLE, FRECKLE), MOLE + np.array([40.0, 25.0]), MOLE).vacancy < -0.7


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_contrast_is_that_of_the_mole(share: float) -> None:
    """A mole of half the darkness has half the contrast, whatever the light."""
    gone = skin(FRECKLE, light=0.3).pixels.astype(float)
    there = skin(MOLE, FRECKLE, light=0.3).pixels.astype(float)
    mixed = Photo.of(np.rint(gone ** (1 - share) * there**share).astype(np.uint8))
    assert seen(mixed, MOLE, MOLE).contrast == pytest.approx(share, abs=0.25)


def test_other_skin_says_nothing() -> None:
    """On the skin of somebody else the value is near 0."""
    assert abs(seen(skin(FRECKLE, seed=4), MOLE, FRECKLE).vacancy) < 0.4


@pytest.mark.parametrize("place", [np.array([1.0, 1.0]), np.array([599.0, 300.0])])
def test_places_at_the_edge_of_a_photo_have_a_value(place: Array) -> None:
    """Windows that reach beyond the photo give a finite value from -1 to 1."""
    assert -1 <= seen(skin(FRECKLE), place, place).vacancy <= 1
