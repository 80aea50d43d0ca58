"""Skin and moles that change between sessions, as they do in life."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .marks import freckles
from .scene import Body, Mole, Shot, SkinDay
from .spots import Spots, joined, stamp

MOST_STRETCH = 1.4
_UNCHANGED = 0.5  # share of moles that do not change
_SHAPES = 12


def changing(
    rng: np.random.Generator, body: Body, shots: tuple[Shot, ...]
) -> tuple[Body, tuple[Shot, ...]]:
    """Return a body whose moles and skin change between sessions, and shots with other hair.

    Half the moles change: they grow, fade, darken or change their shape, a little more in each
    session. Freckles fade and darken, pimples, bites and scratches come and go, skin tans.
    """
    moles = tuple(_changing_mole(rng, mole, body.sessions) for mole in body.moles)
    unmarked = tuple(
        replace(spot, shade=_drift(rng, body.sessions, 0.15)) for spot in body.unmarked
    )
    days = tuple(_day(rng, first=session == 0) for session in range(body.sessions))
    combed = tuple(
        replace(shot, comb=int(rng.integers(2**31)) if session else None)
        for session, shot in enumerate(shots)
    )
    return replace(body, moles=moles, unmarked=unmarked, days=days), combed


def _changing_mole(rng: np.random.Generator, mole: Mole, sessions: int) -> Mole:
    """Return a mole with a change that is complete in the last session, or none."""
    kind = rng.random()
    growth, shade, stretch = rng.uniform(0.05, 0.4), rng.uniform(-0.5, 0.45), rng.uniform(0, 1)
    parts = np.arange(sessions) / max(1, sessions - 1)
    still = replace(mole, growth=(1.0,) * sessions)
    if kind < _UNCHANGED:
        return still
    if kind < _UNCHANGED + 0.25:
        return replace(still, growth=tuple((1 + growth) ** float(part) for part in parts))
    if kind < _UNCHANGED + 0.4:
        return replace(still, shade=tuple(float(np.exp(shade * part)) for part in parts))
    longer = 1 + (MOST_STRETCH - 1) * stretch
    longer = min(longer, 5.0 / mole.aspect)
    return replace(still, stretch=tuple(longer ** float(part) for part in parts))


def _drift(rng: np.random.Generator, sessions: int, std: float) -> tuple[float, ...]:
    return tuple(float(np.exp(rng.normal(0.0, std))) for _ in range(sessions))


def _day(rng: np.random.Generator, *, first: bool) -> SkinDay:
    return SkinDay(
        seed=int(rng.integers(2**31)),
        freckles=float(rng.uniform(0.05, 0.25)),
        tan=0.0 if first else float(rng.uniform(-5.0, 3.0)),
        pimples=float(rng.gamma(1.0, 0.25)),
        bites=float(rng.gamma(1.0, 0.06)),
        scratches=float(rng.gamma(1.0, 0.08)),
    )


def skin_spots(body: Body, session: int) -> Spots:
    """Return what is on the skin besides moles in a session: freckles, pimples and the like."""
    spots = freckles(body.skin, *body.reach)
    if not body.days:
        return spots
    day = body.days[session]
    rng = np.random.default_rng([day.seed, 91])
    factor = np.exp(day.freckles * rng.standard_normal(len(spots.melanin)))
    spots = replace(spots, melanin=spots.melanin * factor, blood=spots.blood * factor)
    for kind in ("pimples", "bites", "scratches"):
        spots = joined(
            spots, _passing(np.random.default_rng([day.seed, len(kind)]), body, day, kind)
        )
    return spots


def _passing(rng: np.random.Generator, body: Body, day: SkinDay, kind: str) -> Spots:
    """Return the spots of one kind that are there on one day only."""
    wide, tall = body.reach
    area = 4 * wide * tall / 1e4  # square decimetres
    count = int(rng.poisson(getattr(day, kind) * area))
    aspect, relief, melanin = np.ones(count), np.zeros(count), np.full(count, 0.03)
    if kind == "pimples":
        radius, blood = rng.uniform(0.8, 2.2, count), rng.uniform(0.25, 0.8, count)
        relief = rng.uniform(0.2, 0.7, count)
    elif kind == "bites":
        radius, blood = rng.uniform(2.5, 6.0, count), rng.uniform(0.1, 0.35, count)
        relief = rng.uniform(0.1, 0.4, count)
    else:
        long, thin = rng.uniform(8.0, 40.0, count), rng.uniform(0.4, 0.9, count)
        radius, aspect = np.sqrt(long * thin) / 2, long / thin
        blood = rng.uniform(0.2, 0.6, count)
    return Spots(
        u=rng.uniform(-wide, wide, count),
        v=rng.uniform(-tall, tall, count),
        radius=radius,
        aspect=aspect,
        angle=rng.uniform(0, np.pi, count),
        melanin=melanin,
        blood=blood,
        relief=relief,
        stamps=tuple(stamp(day.seed + k, 0.6, 0.6) for k in rng.integers(0, _SHAPES, count)),
    )
