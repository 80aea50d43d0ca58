"""Light on skin: linear colours, the skin around a mole, and crops in the light of another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.types import Mask, Pixels

Array = NDArray[np.float64]

FLOOR = 0.004
"""Linear light added before a logarithm: one grey level, so that noise in deep shade is small."""

OUTLIER = 2.5
"""Standard deviations from the skin's plane beyond which a pixel is hair, or another mole."""

ROUNDS = 4
"""Rounds of fitting the plane without outliers."""

LEAST_SKIN = 60
"""Least pixels of skin around a mole to measure its light with."""


def to_linear(pixels: Pixels) -> Array:
    """Linear light, 0 to 1, of 8-bit sRGB (IEC 61966-2-1) of any shape."""
    levels = np.arange(256) / 255
    table = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    linear: Array = table[pixels]
    return linear


def to_srgb(linear: Array) -> Pixels:
    """8-bit sRGB of linear light, clipped to 0 to 1."""
    light = np.clip(linear, 0.0, 1.0)
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    pixels: Pixels = np.rint(curve * 255).astype(np.uint8)
    return pixels


@dataclass(frozen=True, slots=True, eq=False)
class SkinLight:
    """The light on the skin of a crop: for each channel a plane of log linear light.

    `planes` is (3, 3): by channel, the log light in the middle and its change to the right and
    down, from the middle to the edge of the crop. `noise` is (3,), the standard deviation of the
    skin's log light around it.
    """

    planes: Array
    noise: Array

    def over(self, side: int) -> Array:
        """The log light of plain skin over a crop, (side, side, 3)."""
        x, y = _axes(side)
        terms = np.stack([np.ones_like(x), x, y], axis=-1)
        light: Array = terms @ self.planes.T
        return light


def skin_light(pixels: Pixels, skin: Mask) -> SkinLight | None:
    """Fit the light on the pixels of a crop (side, side, 3) that show skin.

    Hairs, freckles and other moles are left out as outliers. None with too few pixels.
    """
    if skin.sum() < LEAST_SKIN:
        return None
    x, y = _axes(len(pixels))
    terms = np.stack([np.ones(int(skin.sum())), x[skin], y[skin]], axis=1)
    logs = np.log(to_linear(pixels)[skin] + FLOOR)
    kept: Mask = np.ones(len(logs), dtype=bool)
    for _ in range(ROUNDS):
        planes = np.linalg.lstsq(terms[kept], logs[kept], rcond=None)[0]
        errors = logs - terms @ planes
        # A normal distribution's standard deviation is 1.4826 times the median absolute deviation.
        noise = 1.4826 * np.median(np.abs(errors[kept]), axis=0) + 1e-3
        near = np.asarray((np.abs(errors) < OUTLIER * noise).all(axis=1))
        if near.sum() < LEAST_SKIN / 2:
            break
        kept = near
    return SkinLight(planes.T, noise)


def in_light_of(pixels: Pixels, light: SkinLight, wanted: SkinLight) -> Pixels:
    """A crop with exposure and white balance changed such that its skin has another's light.

    One factor a channel, in linear light, so that shading and contrast stay as they are.
    """
    gains = np.exp(wanted.planes[:, 0] - light.planes[:, 0])
    return to_srgb(to_linear(pixels) * gains)


def _axes(side: int) -> tuple[Array, Array]:
    """X and y of a crop's pixels from its middle, -1 to 1 at its edges."""
    axis = (np.arange(side) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(axis, axis)
    return x, y
