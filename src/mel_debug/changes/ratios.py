"""Ratios of the measures of a mole in two crops, with 95 % intervals."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mel_debug.changes.crops import Crop
from mel_debug.changes.growth import fitted_scale, half_area, relative_blur, walked_area
from mel_debug.changes.measures import Measures, measure

WORST_FIT = 0.75
"""Least R2 of a crop fitted to another for them to be comparable."""

WEIGHTS = (0.15, 0.15, 0.7)
"""Weights of the three estimates of growth: half darkness, random walker, fitted template."""

Z95 = 1.96
"""Standard deviations of a 95 % interval."""

SHRINKAGE = 0.1
"""Changes are measured too small by up to this share: growth by 1.1 and 1.2 as 1.084 and 1.18."""


@dataclass(frozen=True, slots=True)
class UnchangedStd:
    """The standard deviation of the log of a ratio of one measure without a change.

    `hypot(floor, per_px / diameter in photo pixels)`, from `benchmarks/change.py`.
    """

    floor: float
    per_px: float

    def std(self, diameter_px: float) -> float:
        return float(np.hypot(self.floor, self.per_px / diameter_px))


UNCHANGED_STDS: Mapping[str, UnchangedStd] = {
    "diameter": UnchangedStd(0.015, 0.15),
    "elongation": UnchangedStd(0.03, 0.4),
    "colour": UnchangedStd(0.08, 0.6),
    "border": UnchangedStd(0.08, 1.0),
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
"""Weight of the standard deviation of the three estimates of growth in that of the diameter."""


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
    estimates = np.log(
        [
            (half_area(other.outline, radius) / max(half_area(first.outline, radius), 1e-9)) ** 0.5,
            (walked_area(other.outline) / walked_area(first.outline)) ** 0.5,
            scale,
        ]
    )
    own_px = min(first.own_px, other.own_px)
    log = float(estimates @ np.array(WEIGHTS))
    unsure = np.hypot(DISAGREEMENT * float(np.std(estimates)), BLUR_WEIGHT["diameter"] * blur)
    std = float(np.hypot(UNCHANGED_STDS["diameter"].std(own_px), unsure))
    found = {"diameter": _ratio(log, std), "area": _ratio(2 * log, 2 * std)}
    for name in ("elongation", "colour", "border"):
        one, two = first.value(name), other.value(name)
        if min(one, two) > 0:
            std = float(np.hypot(UNCHANGED_STDS[name].std(own_px), BLUR_WEIGHT[name] * blur))
            found[name] = _ratio(float(np.log(two / one)), std)
    return found


def _ratio(log: float, std: float) -> Ratio:
    wide = Z95 * float(np.hypot(std, SHRINKAGE * log))
    return Ratio(float(np.exp(log)), float(np.exp(log - wide)), float(np.exp(log + wide)))
