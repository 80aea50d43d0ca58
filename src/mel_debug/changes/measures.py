"""Measures of a mole in a crop, and their ratios to those of the first crop, with intervals."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mel_debug.changes.crops import Crop
from mel_debug.changes.growth import fitted_scale, half_area, relative_blur, walked_area
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

LEAST_LIGHT = 0.012
"""Least linear light of the skin: below it, the mole is within a few grey levels of it."""

WORST_FIT = 0.75
"""Least R2 of a crop fitted to another for them to be comparable."""

WEIGHTS = (0.15, 0.15, 0.7)
"""Weights of the three readings of growth: half darkness, random walker, fitted template."""

Z95 = 1.96
"""Standard deviations of a 95 % interval."""

SHRINKAGE = 0.1
"""Changes are read too small by up to this share: growth by 1.1 and 1.2 as 1.084 and 1.18."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The standard deviation of the log of a ratio of one measure without a change.

    `hypot(floor, per_px / diameter in photo pixels)`, from `benchmarks/change.py`.
    """

    floor: float
    per_px: float

    def std(self, diameter_px: float) -> float:
        return float(np.hypot(self.floor, self.per_px / diameter_px))


SPREADS: Mapping[str, Spread] = {
    "diameter": Spread(0.015, 0.15),
    "elongation": Spread(0.03, 0.4),
    "colour": Spread(0.08, 0.6),
    "border": Spread(0.08, 1.0),
}

MOST_BLURRED = 0.25
"""Largest blur to equalise, as sigma in diameters of the mole."""

BLUR_WEIGHT: Mapping[str, float] = {
    "diameter": 0.2,
    "elongation": 0.3,
    "colour": 0.6,
    "border": 1.0,
}
"""Standard deviation that each diameter of equalised blur adds to the log of a ratio."""

DISAGREEMENT = 0.6
"""Weight of the standard deviation of the three readings of growth in that of the diameter."""


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """A mole in one crop.

    `diameter` is that of a disc of its area, and `area` is given in pixels of the first photo;
    `elongation` is length over width; `colour` the CIEDE2000 difference of its mean colour to the
    skin around; `border` how much darker it is just inside its outline than just outside, in log
    light. `own_px` is its diameter in the photo's own pixels.
    """

    diameter: float
    area: float
    elongation: float
    colour: float
    border: float
    own_px: float
    outline: Outline

    def value(self, name: str) -> float:
        return float(getattr(self, name))


@dataclass(frozen=True, slots=True)
class Ratio:
    """A measure over that of the first photo; the true ratio is from `low` to `high` with 95 %."""

    value: float
    low: float
    high: float

    @property
    def changed(self) -> bool:
        """Whether the interval excludes 1, no change."""
        return not self.low <= 1 <= self.high

    @property
    def surprise(self) -> float:
        """How far 1 is from the value, in standard deviations."""
        std = np.log(self.high / self.low) / (2 * Z95)
        return float(abs(np.log(self.value)) / std)

    def over(self, factor: float) -> "Ratio":
        return Ratio(self.value / factor, self.low / factor, self.high / factor)


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
    if _softness(outline, radius) > SOFTEST:
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


SKIN_LIGHT = 0.35
"""Linear green light to which the skin around a mole is exposed: light skin in even light."""


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


def compare(first: Crop, other: Crop, radius: float) -> dict[str, Ratio] | str:
    """The ratios of the measures of one crop to those of the first; the reason if there are none.

    The sharper crop is blurred like the other, because blur alone makes a mole paler and larger.
    Swapping the crops gives the inverse ratios.
    """
    before, after = measure(first, radius), measure(other, radius)
    if isinstance(before, str):
        return f"not measured in the first photo: {before}"
    if isinstance(after, str):
        return after
    blur = relative_blur(before.outline, after.outline, radius)
    if abs(blur) > MOST_BLURRED * 2 * radius:
        return "one photo is much more blurred than the other"
    if blur:
        again = measure(first.blurred(blur) if blur > 0 else other.blurred(-blur), radius)
        if isinstance(again, str):
            return again
        before, after = (again, after) if blur > 0 else (before, again)
    return _ratios(before, after, abs(blur) / (2 * radius), radius)


def _ratios(first: Measures, other: Measures, blur: float, radius: float) -> dict[str, Ratio] | str:
    """The ratios of measures; `blur` is what was equalised, in diameters."""
    scale, fit = fitted_scale(first.outline, other.outline, radius)
    if fit < WORST_FIT:
        return "its two crops look too different to compare"
    readings = np.log(
        [
            (half_area(other.outline, radius) / max(half_area(first.outline, radius), 1e-9)) ** 0.5,
            (walked_area(other.outline) / walked_area(first.outline)) ** 0.5,
            scale,
        ]
    )
    own_px = min(first.own_px, other.own_px)
    log = float(readings @ np.array(WEIGHTS))
    unsure = np.hypot(DISAGREEMENT * float(np.std(readings)), BLUR_WEIGHT["diameter"] * blur)
    std = float(np.hypot(SPREADS["diameter"].std(own_px), unsure))
    found = {"diameter": _ratio(log, std), "area": _ratio(2 * log, 2 * std)}
    for name in ("elongation", "colour", "border"):
        one, two = first.value(name), other.value(name)
        if min(one, two) > 0:
            std = float(np.hypot(SPREADS[name].std(own_px), BLUR_WEIGHT[name] * blur))
            found[name] = _ratio(float(np.log(two / one)), std)
    return found


def _ratio(log: float, std: float) -> Ratio:
    wide = Z95 * float(np.hypot(std, SHRINKAGE * log))
    return Ratio(float(np.exp(log)), float(np.exp(log - wide)), float(np.exp(log + wide)))
