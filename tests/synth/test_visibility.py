"""Laws of what sun and shade hide."""

from dataclasses import replace

import numpy as np
import pytest

from mel_debug.synth import Body, Form, Light, Mole, Optics, Shot, Skin, mole_positions, render
from mel_debug.synth.colour import skin_lab
from mel_debug.synth.shadows import Cast
from mel_debug.synth.visibility import contrast, visible

SKIN = Skin(skin_lab(45.0), seed=5, freckles=0.0, hairs=0.0)
SHOT = Shot(300, 400, Form(170.0, 95.0), 4.0, optics=Optics(blur=1.0, noise=0.0))
MOLES = tuple(
    Mole(
        uuid=f"{number:032x}",
        u=-25.0 + 10.0 * (number % 6),
        v=-30.0 + 12.0 * (number // 6),
        diameter=5.0,
        melanin=0.15 + 0.05 * number,
        present=(True, False),
        growth=(1.0, 1.0),
        irregularity=0.0,
    )
    for number in range(24)
)
LIGHTS = {
    "plain": Light(),
    "bright": Light(exposure=1.8),
    "deep shade": Light(key=0.9, casts=(Cast("limb", 0, sun=0.0, shade=0.0),)),
    "sun": Light(key=0.7, casts=(Cast("limb", 0, sun=4.0, shade=4.0),)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LIGHTS)
def test_contrast_is_the_difference_that_a_mole_makes(name: str) -> None:
    """It agrees with the picture with and without the mole, in any light."""
    body, shot = Body(SKIN, MOLES, 2), replace(SHOT, light=LIGHTS[name])
    hidden = frozenset(mole.uuid for mole in MOLES)
    luma = np.array([0.299, 0.587, 0.114])
    bare = render(body, shot, hidden=hidden).pixels @ luma
    change = bare - render(body, shot).pixels @ luma
    levels, _ = contrast(SKIN, MOLES, shot)
    places = mole_positions(body, replace(shot, light=Light()))
    assert len(places) == len(MOLES)
    for place, expected in zip(places, levels, strict=True):
        around = (
            slice(int(place.y) - 1, int(place.y) + 2),
            slice(int(place.x) - 1, int(place.x) + 2),
        )
        assert change[around].mean() == pytest.approx(expected, abs=2.0 + 0.25 * expected)


@pytest.mark.parametrize(("sun", "exposure"), [(20.0, 3.0), (0.0, 0.05)])
def test_a_mole_that_light_hides_is_neither_present_nor_absent(sun: float, exposure: float) -> None:
    """In blown-out sun and in black shade nothing can be said of any mole."""
    body = Body(SKIN, MOLES[:3], 2)
    cast = Cast("limb", 0, sun=sun, shade=sun)
    dark = replace(SHOT, light=Light(key=0.95, exposure=exposure, casts=(cast,)))
    for session in (0, 1):
        photo = render(body, dark, session)
        assert photo.moles == photo.absent == ()
    assert len(render(body, SHOT, 0).moles) == len(render(body, SHOT, 1).absent) == 3


def test_a_mole_in_light_shade_still_counts() -> None:
    """It is darker than the skin around it, and so is part of the truth."""
    shade = replace(SHOT, light=Light(casts=(Cast("limb", 0, shade=0.3, sun=0.3),)))
    assert visible(SKIN, MOLES[10:], shade).all()
    assert len(mole_positions(Body(SKIN, MOLES[10:], 2), shade)) == len(MOLES[10:])


def test_blur_and_noise_hide_a_small_mole_first() -> None:
    """Contrast falls with blur, and the contrast needed rises with noise."""
    small = replace(MOLES[6], diameter=1.5)
    blurred = replace(SHOT, optics=Optics(blur=4.0, noise=0.0))
    noisy = replace(SHOT, optics=Optics(blur=1.0, noise=0.2))
    assert contrast(SKIN, (small,), blurred)[0] < 0.5 * contrast(SKIN, (small,), SHOT)[0]
    assert visible(SKIN, (small,), SHOT)[0]
    assert not visible(SKIN, (small,), noisy)[0]
