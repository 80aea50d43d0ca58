"""Measures of a mole in a crop."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mel_debug.changes.crops import Crop
from mel_debug.changes.growth import walked_area
from mel_debug.changes.light import SkinLight
from mel_debug.changes.segmentation import Outline, outline_of
from mel_debug.core.types import Mask

Array = NDArray[np.float64]

NAMES = ("diameter", "area", "elongation", "colour", "border")
"""The measures: see `Measures`."""

LEAST_PX = 6.0
"""Least diameter of a mole in a photo's own pixels: below it, the photo's blur sets its size."""

SOFTEST = 0.72
"""Largest width of the edge over the diameter. That of a blurred point is 0.77, of any size."""

MOST_BLOWN_OUT = 0.02
"""Largest share of pixels that glare may have blown out."""

SKIN_LIGHT = 0.35
"""Linear green light to which the skin around a mole is exposed: light skin in even light."""

LEAST_LIGHT = 0.012
"""Least linear light of the skin: below it, the mole is within a few grey levels of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """A mole in one crop.

    `diameter` is that of a disc of its area, and `area` is given in pixels of the first photo;
    `elongation` is length over width; `colour` the CIEDE2000 difference of its mean colour to the
    skin around; `border` how much darker it is just inside its outline than just outside, in log
    light. `own_px` is its diameter in the photo's own pixels. `softness` is the width of its edge
    over its diameter.
    """

    diameter: float
    area: float
    elongation: float
    colour: float
    border: float
    own_px: float
    softness: float
    outline: Outline

    def value(self, name: str) -> float:
        return float(getattr(self, name))


def measure(crop: Crop, radius: float) -> Measures | str:
    """Measure the mole in the middle of a crop; returns the reason where that can't be done.

    `radius` is roughly that of the mole, in pixels of the crop.
    """
    light = crop.light(radius)
    if light is None:
        return "too little skin around it is in view"
    if crop.blown_out(2 * radius) > MOST_BLOWN_OUT:
        return "glare"
    if np.exp(light.planes[:, 0]).max() < LEAST_LIGHT:
        return "too dark a shade"
    outline = outline_of(crop, light, radius)
    if outline is None:
        return "no spot stands out from the skin"
    return _measured(crop, light, outline, radius)


def _measured(crop: Crop, light: SkinLight, outline: Outline, radius: float) -> Measures | str:
    from skimage.measure import label, regionprops

    area = walked_area(outline)
    diameter = 2 * (area / np.pi) ** 0.5
    own_px = diameter * crop.native
    if own_px < LEAST_PX:
        return f"it has {own_px:.1f} pixels; {LEAST_PX:.0f} are needed"
    softness = _softness(outline, radius)
    if softness > SOFTEST:
        return "its edge is too blurred"
    parts = regionprops(label(outline.mask))
    if not parts:
        return "no spot stands out from the skin"
    part = max(parts, key=lambda each: each.area)
    elongation = part.axis_major_length / max(part.axis_minor_length, 1.0)
    step = crop.frame.step
    return Measures(
        diameter=float(diameter * step),
        area=float(area * step**2),
        elongation=float(elongation),
        colour=_colour_difference(crop, light, outline),
        border=_border(outline, radius),
        own_px=float(own_px),
        softness=softness,
        outline=outline,
    )


def _softness(outline: Outline, radius: float) -> float:
    """The width of the edge, from 25 to 75 % of the core's darkness, over the diameter."""
    share = outline.grey / outline.core
    near = _dilated(outline.mask, max(1, round(1.2 * radius)))
    areas = [max(1, int(((share > level) & near).sum())) for level in (0.25, 0.5, 0.75)]
    wide, middle, narrow = np.sqrt(areas)
    return float((wide - narrow) / middle)


def _colour_difference(crop: Crop, light: SkinLight, outline: Outline) -> float:
    """CIEDE2000 between the mean colours of the mole and of the skin around it, in even light.

    The skin's light becomes that of its middle, in mid grey exposure, so that neither shading nor
    exposure changes the result.
    """
    from skimage.color import deltaE_ciede2000, rgb2lab

    skin = np.exp(light.planes[:, 0])
    skin = skin * (SKIN_LIGHT / skin[1])
    inside = outline.mask & crop.valid
    mole = skin * np.exp(-outline.dark[inside].mean(axis=0))
    pair = rgb2lab(np.stack([_display(mole), _display(skin)])[np.newaxis])[0]
    return float(deltaE_ciede2000(pair[0], pair[1]))


def _display(linear: Array) -> Array:
    """SRGB from 0 to 1, rounded to no grey level."""
    light = np.clip(linear, 0, 1)
    curve: Array = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return curve


def _border(outline: Outline, radius: float) -> float:
    wide = max(1, round(0.3 * radius))
    inner = outline.mask & ~_eroded(outline.mask, wide)
    outer = _dilated(outline.mask, wide) & ~outline.mask
    if not (inner.any() and outer.any()):
        return 0.0
    return float(np.median(outline.grey[inner]) - np.median(outline.grey[outer]))


def _dilated(mask: Mask, by: int) -> Mask:
    from scipy.ndimage import binary_dilation

    grown: Mask = binary_dilation(mask, iterations=by)
    return grown


def _eroded(mask: Mask, by: int) -> Mask:
    from scipy.ndimage import binary_erosion

    shrunk: Mask = binary_erosion(mask, iterations=by)
    return shrunk
