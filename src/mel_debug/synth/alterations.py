"""Changes of light on the pixels of a photo: exposure, white balance, gradient and stripes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.geometry import Size

from .colour import srgb_to_linear

Pixels = NDArray[np.uint8]
Field = NDArray[np.float32]

_TABLE = 4096


@dataclass(frozen=True, slots=True)
class Relight:
    """A change of light over a picture.

    ``exposure`` and ``tint`` (red, green, blue) are gains of linear light. ``gradient`` is the
    change of log light from the centre to the edge along x and y. ``stripes`` (0..1) is the
    share of light that dark stripes take; their period is a share ``stripe_width`` of the longer
    side, ``stripe_angle`` the direction (degrees) across them.
    """

    exposure: float = 1.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gradient: tuple[float, float] = (0.0, 0.0)
    stripes: float = 0.0
    stripe_width: float = 0.2
    stripe_angle: float = 0.0
    stripe_phase: float = 0.0

    def gain(self, size: Size, top: int, rows: int) -> Field:
        """Return the gain of linear light (rows, width) for some rows of a picture."""
        half = size.longest / 2
        y = ((np.arange(top, top + rows) + 0.5 - size.height / 2) / half)[:, np.newaxis]
        x = ((np.arange(size.width) + 0.5 - size.width / 2) / half)[np.newaxis]
        gain = self.exposure * np.exp(self.gradient[0] * x + self.gradient[1] * y)
        if self.stripes:
            angle = math.radians(self.stripe_angle)
            across = x * math.cos(angle) + y * math.sin(angle)
            # The picture spans 2 along its longer side.
            phase = across * (math.pi / self.stripe_width) + self.stripe_phase
            # As in `light._stripes`: steep edges with a soft penumbra, of uneven width.
            bars = 0.5 + 0.5 * np.tanh(2.6 * (np.sin(phase + 0.35 * np.sin(0.31 * phase)) + 0.1))
            gain = gain * (1.0 - self.stripes * bars)
        return gain.astype(np.float32)


def relit(pixels: Pixels, light: Relight, size: Size, top: int) -> Pixels:
    """Return rows (R, W, 3) of a picture of ``size``, from row ``top`` on, in another light.

    Linear light is clipped at white, so that bright places are blown out.
    """
    gain = light.gain(size, top, len(pixels))[..., np.newaxis] * np.array(light.tint, np.float32)
    linear = _linear_table()[pixels] * gain
    # The square root spaces the table's entries evenly enough for dark levels.
    entries = np.sqrt(np.minimum(linear, 1.0)) * (_TABLE - 1) + np.float32(0.5)
    levels: Pixels = _level_table()[entries.astype(np.int32)]
    return levels


@lru_cache(maxsize=1)
def _linear_table() -> Field:
    return srgb_to_linear(np.arange(256) / 255.0).astype(np.float32)


@lru_cache(maxsize=1)
def _level_table() -> Pixels:
    """Return 8-bit sRGB for linear light ``(i / (len - 1)) ** 2``."""
    linear = (np.arange(_TABLE) / (_TABLE - 1)) ** 2
    srgb = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-6) ** (1 / 2.4) - 0.055
    )
    levels: Pixels = np.round(255.0 * srgb).astype(np.uint8)
    return levels
