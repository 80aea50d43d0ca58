"""Where a mole is by the arrangement of the dark blobs around it.

Light that moves changes what features see, but not where the freckles are. Where matches of
features do not agree, the shift that brings most blobs of the source to blobs of the target says
how far off the warp field is, or that it is right after all.
"""

from dataclasses import dataclass

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array

RADIUS = 0.1
"""Share of the longer side around a mole within which blobs are compared."""

MOST_HERE, MOST_THERE = 30, 80
"""Blobs of the source and of the target that are compared, those with the highest contrast."""

LEAST_HERE = 6
"""Blobs of the source below which nothing is said: fewer come together by chance."""

WITHIN, STRETCH = 0.003, 0.02
"""How close a shifted blob is to the one it matches: a share of the longer side, and a share of its
distance from the mole, as the local map is not exact."""

LEAST_REACH, MOST_REACH = 0.01, 0.045
"""Limits of the shift, as shares of the longer side."""

CHANCE = -3.0
"""Decimal logarithm of the largest expected number of shifts that are as good by chance. Of moles
on hard generated pairs whose warp field was unsure, all 11 such shifts were right within 0.34 % of
the longer side, and 6 of the moles had been taken for another spot. With -2 it would be 13."""

LEAD = 2.0
"""How many times less probable, as a power of 10, it must be than any shift farther away."""

NEAREST, NEAREST_SHARE = 8, 0.5
"""Blobs nearest to the mole, and how many of them must match: where skin is seen at a grazing angle
and the warp field misses a bend, those farther away match, and those at the mole do not."""

GRID = 16
"""Shifts along each axis at which chance matches are counted."""

ROUNDS = 5
"""Rounds in which the shift is refined."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """The shift on which the blobs around a mole agree.

    `shift` is (2,) pixels of the source, from where the mole was expected. `blobs` is the number of
    blobs near the mole that match.
    """

    shift: Array
    blobs: int


def arrangement_of(here: Array, there: Array, longest: int, reach: float) -> Arrangement | None:
    """Return the shift of the blobs around a mole; None if none stands out.

    `here`, (n, 2), are the blobs of the source less the mole, and `there`, (m, 2), those of the
    target less the mole's expected place, both in pixels of the source, of which `longest` is the
    longer side; the ones with the highest contrast come first. Shifts of up to `reach` pixels are
    tried, within `LEAST_REACH` and `MOST_REACH`.
    """
    reach = float(np.clip(reach, LEAST_REACH * longest, MOST_REACH * longest))
    radius, farthest = RADIUS * longest, MOST_REACH * longest
    here = here[np.hypot(*here.T) < radius][:MOST_HERE]
    there = there[np.hypot(*there.T) < radius + farthest][:MOST_THERE]
    if len(here) < LEAST_HERE or not len(there):
        return None
    within = WITHIN * longest + STRETCH * np.hypot(*here.T)
    steps = there - here[:, np.newaxis]
    shifts = steps[np.hypot(steps[..., 0], steps[..., 1]) < reach]
    if not len(shifts):
        return None
    counts = _counts(steps, within, shifts)
    chance = _chance(steps, within, farthest)
    tried = max(1.0, (reach / (WITHIN * longest)) ** 2)
    odds = np.log10(tried) + _log_tail(counts / len(here), chance, len(here))
    best = int(odds.argmin())
    apart = np.hypot(*(shifts - shifts[best]).T) > 4 * WITHIN * longest
    rival = float(odds[apart].min(initial=0.0))
    if odds[best] > min(CHANCE, rival - LEAD):
        return None
    shift = _refined(shifts[best], steps, within)
    matching = np.hypot(*(steps - shift).transpose(2, 0, 1)).min(axis=1) < within
    nearest = np.argsort(np.hypot(*here.T))[:NEAREST]
    if matching[nearest].mean() < NEAREST_SHARE:
        return None
    return Arrangement(shift, int(matching.sum()))


def _counts(steps: Array, within: Array, shifts: Array) -> Array:
    """Return (k,): how many blobs match at each of (k, 2) shifts; `steps` is (n, m, 2)."""
    counts: Array = np.zeros(len(shifts))
    for each, near in zip(steps, within, strict=True):
        away = np.hypot(*(each[:, np.newaxis] - shifts).transpose(2, 0, 1))
        counts += away.min(axis=0) < near
    return counts


def _chance(steps: Array, within: Array, farthest: float) -> float:
    """Return the share of blobs that match at a shift by chance.

    That of a grid of shifts. Its upper quartile, as some lead beyond the edge of the skin; and at
    least a blob, as what was not seen is not impossible.
    """
    line = np.linspace(-farthest, farthest, GRID)
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    return max(1.0, float(np.quantile(_counts(steps, within, grid), 0.75))) / len(steps)


def _log_tail(share: Array, chance: float, count: int) -> Array:
    """Return the decimal logarithm of the bound of Chernoff (1952) on a binomial tail.

    It bounds the probability that at least this `share` of `count` trials succeeds by `chance`.
    """
    share, tiny = np.maximum(share, chance), 1e-12
    gain = share * np.log(share / chance)
    loss = (1 - share) * np.log(np.maximum(1 - share, tiny) / (1 - chance))
    tail: Array = -count * (gain + loss) / np.log(10)
    return tail


def _refined(shift: Array, steps: Array, within: Array) -> Array:
    """Return the robust mean of the steps near a shift, the nearest one of each blob."""
    rows = np.arange(len(steps))
    for _ in range(ROUNDS):
        away = np.hypot(*(steps - shift).transpose(2, 0, 1))
        nearest = away.argmin(axis=1)
        errors = away[rows, nearest] / within
        weights = np.where(errors < 2, 1 / (1 + errors**2) ** 2, 0.0)
        if not weights.any():
            break
        shift = weights @ steps[rows, nearest] / weights.sum()
    return shift
