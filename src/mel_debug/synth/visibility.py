"""Whether a mole still stands out from the skin around it in the light of a shot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .colour import BLOOD, MELANIN, lab_to_linear
from .develop import BRIGHTEST, tone_table
from .light import light_on
from .scene import Mole, Shot, Skin
from .tube import Hits, camera, project, surface, unit

Array = NDArray[np.float64]

LEAST_LEVELS = 8.0
"""Grey levels between mole and skin from which a mole is visible; JPEG and texture hide less."""

LEAST_OVER_NOISE = 2.0
"""The same, in standard deviations of one pixel's noise."""

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


def contrast(skin: Skin, moles: Sequence[Mole], shot: Shot) -> tuple[Array, Array]:
    """Return how many grey levels each mole is darker than the skin around it, and the noise there.

    Both are (n,) in levels of 0..255, the contrast at the middle of the mole after the blur of the
    optics, the noise as the standard deviation of one pixel.
    """
    u, v, diameter, melanin, blood = (
        np.array([getattr(mole, name) for mole in moles], dtype=np.float64)
        for name in ("u", "v", "diameter", "melanin", "redness")
    )
    points = surface(shot.form, u, v)
    rays = unit(points - camera(shot).centre[:, None])
    lit = light_on(shot, Hits(points, u, v, np.full_like(u, -1.0), rays))
    bare = lab_to_linear(skin.lab)[:, None] * np.exp(lit.log_light)
    depth = MELANIN[:, None] * melanin + BLOOD[:, None] * blood
    level = _LUMA @ _toned(bare + lit.sheen)
    spot = _LUMA @ _toned(bare * np.exp(-depth) + lit.sheen)
    _, _, facing = project(shot, u, v)
    # A Gaussian of this sigma leaves a disc's middle so much of its contrast.
    area = (0.5 * diameter * shot.pixels_per_mm) ** 2 * np.clip(facing, 0.0, 1.0)
    left = 1.0 - np.exp(-area / (2.0 * max(shot.optics.blur, 0.3) ** 2))
    noise = shot.optics.noise * 255.0 * (1.25 - 0.7 * level / 255.0)
    return (level - spot) * left, noise


def visible(skin: Skin, moles: Sequence[Mole], shot: Shot) -> NDArray[np.bool_]:
    """Return for each mole whether it is visible, or would be if it were there: (n,)."""
    levels, noise = contrast(skin, moles, shot)
    seen: NDArray[np.bool_] = levels >= np.maximum(LEAST_LEVELS, LEAST_OVER_NOISE * noise)
    return seen


def _toned(light: Array) -> Array:
    table = tone_table()
    index = np.sqrt(np.clip(light, 0.0, BRIGHTEST) / BRIGHTEST) * (len(table) - 1) + 0.5
    toned: Array = table[index.astype(np.int64)].astype(np.float64)
    return toned
