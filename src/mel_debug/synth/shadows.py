"""Cast shadows: windows, blinds, limbs and leaves between the sun and the skin.

Shapes live in the plane across the light, in millimetres from the point the camera looks at, so
that a shadow bends over the body as a real one does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

KINDS = ("window", "blinds", "limb", "leaves")


@dataclass(frozen=True, slots=True)
class Cast:
    """One shadow, or one patch of sun between shadows.

    ``kind`` is one of `KINDS` and ``seed`` draws the shape; ``shift`` (millimetres) and ``turn``
    (degrees) move it, so that two casts of one seed are one object at two times of the day.
    ``edge_mm`` is the width of the penumbra and ``size`` a factor on the shape. The key light is
    multiplied by ``sun`` where it passes and by ``shade`` where it is blocked.
    """

    kind: str
    seed: int
    shift: tuple[float, float] = (0.0, 0.0)
    turn: float = 0.0
    edge_mm: float = 3.0
    size: float = 1.0
    sun: float = 1.0
    shade: float = 0.1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; it should be one of {', '.join(KINDS)}")
        if self.edge_mm <= 0.0 or self.size <= 0.0:
            raise ValueError("edge_mm and size should be above 0")
        if not 0.0 <= self.shade <= self.sun <= 20.0:
            raise ValueError("shade and sun should lie between 0 and 20, shade not above sun")


def passed(cast: Cast, across: Array, along: Array, *, least_edge: float = 0.0) -> Array:
    """Return the factor of a cast on the key light at points of the plane (any one shape).

    ``least_edge`` (millimetres) widens a penumbra that the lattice of the picture can't resolve.
    """
    turn = np.radians(cast.turn)
    c, s = np.cos(turn), np.sin(turn)
    p, q = (across - cast.shift[0]) / cast.size, (along - cast.shift[1]) / cast.size
    p, q = c * p + s * q, c * q - s * p
    blocked = _SHAPES[cast.kind](
        np.random.default_rng([cast.seed, 81]), p, q, max(cast.edge_mm, least_edge) / cast.size
    )
    factor: Array = cast.sun + (cast.shade - cast.sun) * blocked
    return factor


def _soft(depth: Array, edge: float) -> Array:
    """Return 0 outside, 1 inside, and a smooth step of width ``edge`` where depth is 0."""
    part = np.clip(0.5 + depth / edge, 0.0, 1.0)
    step: Array = part * part * (3.0 - 2.0 * part)
    return step


def _openings(x: Array, wide: float, bar: float, count: int, edge: float) -> Array:
    """Return 1 in ``count`` openings side by side around 0, with bars between them."""
    period = wide + bar
    from_middle = x if count % 2 else x - period / 2
    in_one = wide / 2 - np.abs((from_middle + period / 2) % period - period / 2)
    in_all = count * period / 2 - np.abs(x)
    return _soft(np.minimum(in_one, in_all), edge)


def _window(rng: np.random.Generator, p: Array, q: Array, edge: float) -> Array:
    wide, tall, bar = rng.uniform(55, 130), rng.uniform(60, 170), rng.uniform(8, 24)
    columns, rows = (int(n) for n in rng.integers(1, 4, 2))
    lean = float(rng.uniform(-0.5, 0.5))
    lit = _openings(p + lean * q, wide, bar, columns, edge) * _openings(q, tall, bar, rows, edge)
    blocked: Array = 1.0 - lit
    return blocked


def _blinds(rng: np.random.Generator, p: Array, q: Array, edge: float) -> Array:
    period, share = rng.uniform(16, 46), rng.uniform(0.4, 0.65)
    wide, count = rng.uniform(140, 320), int(rng.integers(5, 14))
    slats = _openings(q, period * share, period * (1 - share), count, edge)
    blocked: Array = 1.0 - slats * _openings(p, wide, 1.0, 1, edge)
    return blocked


def _capsule(p: Array, q: Array, ends: Array, radii: tuple[float, float], edge: float) -> Array:
    """Return 1 within a capsule from ``ends[0]`` to ``ends[1]`` whose radius changes linearly."""
    step = ends[1] - ends[0]
    length = max(float(step @ step), 1e-9)
    t = np.clip(((p - ends[0, 0]) * step[0] + (q - ends[0, 1]) * step[1]) / length, 0.0, 1.0)
    away = np.hypot(p - ends[0, 0] - t * step[0], q - ends[0, 1] - t * step[1])
    return _soft(radii[0] + t * (radii[1] - radii[0]) - away, edge)


def _limb(rng: np.random.Generator, p: Array, q: Array, edge: float) -> Array:
    """An arm with its elbow; the upper arm comes from outside the picture."""
    thick = float(rng.uniform(26, 44))
    elbow = np.array([rng.uniform(-60, 20), rng.uniform(-30, 30)])
    bend = np.radians(rng.uniform(-110, 110))
    reach = float(rng.uniform(160, 260))
    hand = elbow + reach * np.array([np.cos(bend), np.sin(bend)])
    upper = _capsule(p, q, np.array([[-700.0, 0.0], elbow]), (1.5 * thick, thick), edge)
    lower = _capsule(p, q, np.stack([elbow, hand]), (thick, 0.65 * thick), edge)
    return np.maximum(upper, lower)


def _leaves(rng: np.random.Generator, p: Array, q: Array, edge: float) -> Array:
    """Twigs with leaves on both sides."""
    free = np.ones_like(p)
    for _ in range(int(rng.integers(3, 7))):
        root, angle = rng.uniform(-150, 150, 2), rng.uniform(0, 2 * np.pi)
        twig = np.array([np.cos(angle), np.sin(angle)])
        length, leaf = float(rng.uniform(140, 300)), float(rng.uniform(16, 38))
        ends = np.stack([root, root + length * twig])
        free *= 1.0 - _capsule(p, q, ends, (2.5, 1.0), edge)
        for place in np.arange(0.0, length, 0.75 * leaf):
            side = angle + rng.choice([-1, 1]) * rng.uniform(0.5, 1.2)
            long = leaf * float(rng.uniform(0.7, 1.2))
            middle = root + place * twig + 0.6 * long * np.array([np.cos(side), np.sin(side)])
            x = np.cos(side) * (p - middle[0]) + np.sin(side) * (q - middle[1])
            y = np.cos(side) * (q - middle[1]) - np.sin(side) * (p - middle[0])
            slim = 0.4 * long * (1.0 + 0.4 * x / long)
            depth = 0.3 * long * (1.0 - (2.0 * x / long) ** 2 - (2.0 * y / slim) ** 2)
            free *= 1.0 - _soft(np.maximum(depth, -2.0 * edge), edge)
    blocked: Array = 1.0 - free
    return blocked


_SHAPES = {"window": _window, "blinds": _blinds, "limb": _limb, "leaves": _leaves}
