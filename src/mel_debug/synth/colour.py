"""Colours of skin: CIELAB tones, optical depths of pigment, and conversion to linear sRGB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Optical depth of pigment in red, green and blue, green being 1. Measured as ratios of the
# logarithms of spot to surrounding on photos of light skin; melanin rises towards blue
# (Jacques, "Optical properties of biological tissues", 2013), blood has its band in green.
MELANIN = np.array([0.48, 1.0, 1.62])
BLOOD = np.array([0.22, 1.0, 0.85])

# Individual typology angle, degrees: above 55 is very light, below -30 dark skin
# (Chardon et al., "Skin colour typology and suntanning pathways", 1991).
TYPOLOGY = (-58.0, 66.0)


def skin_lab(typology: float, redness: float = 0.5) -> tuple[float, float, float]:
    """Return the CIELAB tone of a typology angle in degrees; ``redness`` 0..1 raises a*.

    Yellow b* is largest for tanned skin and lower at both ends, as it is along the ten tones of
    the Monk scale (E. Monk, 2022).
    """
    low, high = TYPOLOGY
    if not low - 1.0 <= typology <= high + 1.0:
        raise ValueError(f"typology angle {typology} is outside {low} to {high} degrees")
    yellow = 11.0 + 13.0 * float(np.exp(-(((typology - 5.0) / 45.0) ** 2)))
    lightness = 50.0 + float(np.tan(np.radians(typology))) * yellow
    return lightness, 6.5 + 5.0 * redness, yellow


def lab_to_linear(lab: tuple[float, float, float]) -> Array:
    """Return linear sRGB (3,) of a CIELAB colour under D65, clipped to a small positive minimum."""
    from skimage.color import lab2xyz

    matrix = np.array(  # IEC 61966-2-1
        [
            [3.2404542, -1.5371385, -0.4985314],
            [-0.9692660, 1.8760108, 0.0415560],
            [0.0556434, -0.2040259, 1.0572252],
        ]
    )
    linear: Array = np.maximum(matrix @ lab2xyz(lab), 0.004)
    return linear


def srgb_to_linear(values: Array) -> Array:
    """Return the linear light of sRGB values in 0..1."""
    linear: Array = np.where(
        values <= 0.04045, values / 12.92, ((np.maximum(values, 0.04045) + 0.055) / 1.055) ** 2.4
    )
    return linear
