"""Whether a spot is dark on all sides, on drawn skin with straps and shadows."""

import numpy as np
import pytest

from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.builtin.matchers.geometric.mole_windows import SAMPLES, SpotSkin
from mel_debug.builtin.matchers.geometric.roundness import roundness_of
from mel_debug.core.types import Photo

SIDE = 400
MOLE = np.array([200.0, 200.0])
SIGMA = 4.0


def skin(
    *spots: Array,
    edge: float | None = None,
    brighter: float = 0.0,
    angle: float = 0.0,
    size: float = SIGMA,
) -> Photo:
    """Return skin with noise and dark spots; beyond `edge` px from MOLE it is `brighter`."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    noise = np.random.default_rng(5).normal(size=(SIDE, SIDE))
    grey = 110 * np.exp(0.01 * noise)
    for across, down in spots:
        away = (x - across) ** 2 + (y - down) ** 2
        grey *= np.exp(-0.4 * np.exp(-away / (2 * size**2)))
    if edge is not None:
        beyond = (x - MOLE[0]) * np.cos(angle) + (y - MOLE[1]) * np.sin(angle) - edge
        grey *= np.exp(brighter / (1 + np.exp(-beyond)))
    return Photo.of(
        np.repeat(grey.clip(0, 255).round().astype(np.uint8)[..., np.newaxis], 3, axis=2)
    )


def roundness(source: Photo, target: Photo, place: Array = MOLE, scale: float = 1.0) -> float:
    step = np.eye(2) * SIGMA / SAMPLES
    return roundness_of(
        SpotSkin.around(source, place, step), SpotSkin.around(target, place, step * scale)
    )


@pytest.mark.parametrize("angle", [0.0, 0.7, 2.5])
@pytest.mark.parametrize("brighter", [0.6, -0.6])
@pytest.mark.parametrize("edge", [3.0, 6.0, 9.0])
def test_an_edge_stands_for_no_mole(edge: float, brighter: float, angle: float) -> None:
    """A strap or a shadow beside the place does not, also if one was beside the mole."""
    gone = skin(edge=edge, brighter=brighter, angle=angle)
    assert roundness(skin(MOLE), gone) < 0.2
    assert roundness(skin(MOLE, edge=edge + 6, brighter=brighter, angle=angle), gone) < 0.2


@pytest.mark.parametrize("brighter", [0.6, -0.6])
def test_a_mole_beside_an_edge_is_as_round_as_elsewhere(brighter: float) -> None:
    """An edge beside it, in either photo, adds a curvature across it only."""
    beside = skin(MOLE, edge=10, brighter=brighter)
    assert roundness(skin(MOLE), beside) > 0.6
    assert roundness(beside, skin(MOLE)) > 0.6


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_the_size_of_the_body_in_the_photo_does_not_matter(scale: float) -> None:
    """The same mole at another size is as round."""
    assert roundness(skin(MOLE), skin(MOLE, size=SIGMA * scale), scale=scale) > 0.85


@pytest.mark.parametrize("place", [np.array([1.0, 1.0]), np.array([SIDE - 1.0, 200.0])])
def test_places_at_the_edge_of_a_photo_have_a_value(place: Array) -> None:
    """Windows that reach beyond the photo give a finite value from 0 to 1."""
    assert 0 <= roundness(skin(MOLE), skin(MOLE), place) <= 1


def test_bare_skin_is_not_round() -> None:
    """Noise has little curvature at the size of a mole."""
    assert roundness(skin(MOLE), skin()) < 0.1
