"""Ratios of the measures of a mole in two crops, with 95 % intervals."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mel_debug.changes.crops import Crop
from mel_debug.changes.growth import fitted_scale, half_area, relative_blur, walked_area
from mel_debug.changes.measures import Measures, measure

WORST_FIT = 0.75
"""Least R2 of a crop fitted to another for them to be comparable."""

WEIGHTS = (0.2, 0.0, 0.6, 0.2)
"""Weights of four estimates of growth: half darkness, random walker and fitted template after the
blur was equalised, and the template before. The walker's errors are those of half darkness, but
larger; it counts in how far the first three disagree. A mole that grew is also taken for one that
was blurred, so that blur is equalised too much; the template needs no equal blur, as it is fitted
in both directions."""

Z95 = 1.96
"""Standard deviations of a 95 % interval."""

READ = 0.92
"""Share of the log of a growth by 1.1 that is measured on generated pairs; it is corrected."""

READ_STD = 0.04
"""Standard deviation of `READ`, as the share differs between sharp and blurred moles."""

TONE = 0.05
"""Growth of the log diameter that is measured too little for each unit by which the log of a
mole's darkness rose. A veil of light or another exposure changes both, a mole's size neither."""


@dataclass(frozen=True, slots=True)
class GrowthStd:
    """What the standard deviation of the log of a diameter's ratio depends on, without a change.

    `hypot` of `floor` and of each weight times what it is named for: equalised blur in diameters,
    standard deviation of the three estimates, 1 - R2 of the template, difference of the log sizes
    by the template before and after the blur was equalised, change of the log darkness; `soft_tone`
    weighs the change of the log darkness times how soft the edge is (`SOFT`), as blur makes a soft
    mole larger and paler and leaves no other trace. The error of the map's size comes on top.

    From 712 moles of `benchmarks/change.py`: people generated with the seeds 521 to 526, 561 to
    564, 571 to 576, 581 to 583, 601 to 606 and 621 to 623, warps of the labelled pair with the
    seeds 7 and 11, and the pair itself, by maximum likelihood of a t distribution, then widened
    until the intervals held 95 % of the moles without growth, and the pair's own.
    """

    floor: float = 0.006
    blur: float = 0.065
    disagreement: float = 0.28
    misfit: float = 0.45
    equalised: float = 0.18
    tone: float = 0.025
    soft_tone: float = 0.22


SOFT = (0.45, 0.7)
"""Softness up to which an edge is sharp, and from which it is soft; a blurred point's is 0.77."""


GROWTH_STD = GrowthStd()


@dataclass(frozen=True, slots=True)
class UnchangedStd:
    """The standard deviation of the log of a ratio of one measure without a change.

    `hypot(floor, per_px / diameter in photo pixels)`, from `benchmarks/change.py`. That of the
    elongation has outliers, where blur or a freckle beside a mole changes its outline: with 0.035
    and 0.45 the intervals held 93 % of 120 moles on warps of the labelled pair, with these 98 %, as
    of 586 generated ones.
    """

    floor: float
    per_px: float

    def std(self, diameter_px: float) -> float:
        return float(np.hypot(self.floor, self.per_px / diameter_px))


UNCHANGED_STDS: Mapping[str, UnchangedStd] = {
    "elongation": UnchangedStd(0.06, 0.7),
    "colour": UnchangedStd(0.08, 0.6),
    "border": UnchangedStd(0.092, 1.15),
}

MOST_BLURRED = 0.25
"""Largest blur to equalise, as sigma in diameters of the mole."""

BLUR_WEIGHT: Mapping[str, float] = {
    "elongation": 0.35,
    "colour": 0.6,
    "border": 1.15,
}
"""Standard deviation that each diameter of equalised blur adds to the log of a ratio."""

SOFT_PALER = 0.5
"""Standard deviation that a soft edge adds to the log of colour and border for each unit by which
the log of the mole's darkness changed: blur makes a soft mole paler and leaves no other trace, as
for `GrowthStd.soft_tone`. From the softest mole of the labelled pair, 0.7 times as dark."""


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


def compare(
    first: Crop, other: Crop, radius: float, size_doubt: float = 0.0
) -> dict[str, Ratio] | str:
    """The ratios of the measures of one crop to those of the first; the reason if there are none.

    The sharper crop is blurred like the other, because blur alone makes a mole paler and larger.
    Swapping the crops gives the inverse ratios. `size_doubt` is the standard deviation of the
    log of the size by the map between the photos: see `alignment`.
    """
    before, after = measure(first, radius), measure(other, radius)
    if isinstance(before, str):
        return f"not measured in the first photo: {before}"
    if isinstance(after, str):
        return after
    blur = relative_blur(before.outline, after.outline, radius)
    if abs(blur) > MOST_BLURRED * 2 * radius:
        return "one photo is much more blurred than the other"
    unequal = fitted_scale(before.outline, after.outline, radius)[0] if blur else None
    if blur:
        again = measure(first.blurred(blur) if blur > 0 else other.blurred(-blur), radius)
        if isinstance(again, str):
            return again
        before, after = (again, after) if blur > 0 else (before, again)
    shared = abs(blur) / (2 * radius)
    growth = _growth(before, after, _Doubt(shared, size_doubt, unequal), radius)
    if growth is None:
        return "its two crops look too different to compare"
    log, std = growth
    return {
        "diameter": _ratio(log, std),
        "area": _ratio(2 * log, 2 * std),
        **_others(before, after, shared),
    }


@dataclass(frozen=True, slots=True)
class _Doubt:
    """What else a ratio of diameters depends on.

    `blur` is what was equalised, in diameters, `size` the standard deviation of the log of the
    size by the map, and `unequal` the scale of the template before blur was equalised, None
    where none was.
    """

    blur: float
    size: float
    unequal: float | None


def _growth(
    first: Measures, other: Measures, doubt: _Doubt, radius: float
) -> tuple[float, float] | None:
    """The log of the ratio of diameters and its standard deviation; None if the fit is bad."""
    one, two = first.outline, other.outline
    scale, fit = fitted_scale(one, two, radius)
    if fit < WORST_FIT:
        return None
    half = half_area(two, radius) / max(half_area(one, radius), 1e-9)
    walked = walked_area(two) / walked_area(one)
    unequal = scale if doubt.unequal is None else doubt.unequal
    estimates = np.log([max(half, 1e-9) ** 0.5, walked**0.5, scale, unequal])
    darker = _darker(first, other)
    log = (float(estimates @ np.array(WEIGHTS)) + TONE * darker) / READ
    weights = GROWTH_STD
    parts = (
        weights.floor,
        weights.blur * doubt.blur,
        weights.disagreement * float(np.std(estimates[:3])),
        weights.misfit * (1 - fit),
        weights.equalised * float(estimates[3] - estimates[2]),
        weights.tone * darker,
        doubt.size,
        weights.soft_tone * _soft(first, other) * darker,
    )
    std = float(np.linalg.norm(parts)) / READ
    return log, float(np.hypot(std, READ_STD * log))


def _darker(first: Measures, other: Measures) -> float:
    """The change of the log of a mole's darkness."""
    return float(np.log(other.outline.core / first.outline.core))


def _soft(first: Measures, other: Measures) -> float:
    """0 for a sharp edge to 1 for one as soft as that of a blurred point, in either crop."""
    softness = max(first.softness, other.softness)
    return float(np.clip((softness - SOFT[0]) / (SOFT[1] - SOFT[0]), 0, 1))


def _others(first: Measures, other: Measures, blur: float) -> dict[str, Ratio]:
    """The ratios of the measures besides size."""
    own_px = min(first.own_px, other.own_px)
    paler = SOFT_PALER * _soft(first, other) * _darker(first, other)
    unseen = {"elongation": 0.0, "colour": paler, "border": paler}
    found = {}
    for name, unchanged in UNCHANGED_STDS.items():
        one, two = first.value(name), other.value(name)
        if min(one, two) > 0:
            parts = [unchanged.std(own_px), BLUR_WEIGHT[name] * blur, unseen[name]]
            std = float(np.linalg.norm(parts))
            found[name] = _ratio(float(np.log(two / one)), std)
    return found


def _ratio(log: float, std: float) -> Ratio:
    return Ratio(*(float(np.exp(log + z * std)) for z in (0.0, -Z95, Z95)))
