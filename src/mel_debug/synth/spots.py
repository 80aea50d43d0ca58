"""Shapes of moles and freckles as stamps of pigment, in units of the spot's radius."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SIDE = 96
REACH = 2.0  # a stamp covers -REACH .. REACH radii


@dataclass(frozen=True, slots=True, eq=False)
class Stamp:
    """Pigment (SIDE, SIDE), with its centre of mass and the radius of a disc of its area.

    Sample it at ``centre + radius * p`` for a point p in units of the spot's own radius: then
    every spot's centre of mass is its position, and its area that of a disc of its diameter.
    """

    pigment: NDArray[np.float32]
    centre: tuple[float, float]
    radius: float


def _smooth_noise(rng: np.random.Generator, sigma: float) -> NDArray[np.float64]:
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(rng.standard_normal((SIDE, SIDE)), sigma)
    scaled: NDArray[np.float64] = noise / noise.std()
    return scaled


@lru_cache(maxsize=4096)
def stamp(seed: int, irregularity: float, softness: float) -> Stamp:
    """Return a random stamp: round and even at irregularity 0, lobed and grainy towards 1."""
    rng = np.random.default_rng([seed, 31])
    axis = (np.arange(SIDE) + 0.5) / SIDE * 2 * REACH - REACH
    x, y = np.meshgrid(axis, axis)
    rough = 0.30 * _smooth_noise(rng, SIDE * 0.085) + 0.14 * _smooth_noise(rng, SIDE * 0.03)
    radius = np.hypot(x, y)
    # Noise fades outwards, because a blot far from the spot would look like another spot.
    field = 1.0 - radius + irregularity * rough * np.clip(1.9 - radius, 0.0, 1.0)
    body = 1.0 / (1.0 + np.exp(-np.clip(field / (0.45 * softness), -30.0, 30.0)))
    inner = 1.0 + irregularity * (0.22 * _smooth_noise(rng, SIDE * 0.06)) + 0.25 * (0.5 - radius)
    pigment = np.where(radius < 1.95, body * np.clip(inner, 0.3, 1.6), 0.0)
    mass = pigment.sum()
    centre = (float((pigment * x).sum() / mass), float((pigment * y).sum() / mass))
    area = float((body > 0.5).sum()) * (2 * REACH / SIDE) ** 2
    return Stamp(pigment.astype(np.float32), centre, float(np.sqrt(area / np.pi)))


@dataclass(frozen=True, slots=True, eq=False)
class Spots:
    """Spots to paint, one entry each: moles and unmarked freckles.

    Positions and radii in millimetres of skin; ``blood`` and ``melanin`` are optical depths.
    """

    u: NDArray[np.float64]
    v: NDArray[np.float64]
    radius: NDArray[np.float64]
    aspect: NDArray[np.float64]
    angle: NDArray[np.float64]
    melanin: NDArray[np.float64]
    blood: NDArray[np.float64]
    relief: NDArray[np.float64]
    stamps: tuple[Stamp, ...]


def joined(first: Spots, second: Spots) -> Spots:
    """Return the spots of both."""

    def both(name: str) -> NDArray[np.float64]:
        return np.concatenate([getattr(first, name), getattr(second, name)])

    return Spots(
        u=both("u"),
        v=both("v"),
        radius=both("radius"),
        aspect=both("aspect"),
        angle=both("angle"),
        melanin=both("melanin"),
        blood=both("blood"),
        relief=both("relief"),
        stamps=first.stamps + second.stamps,
    )
