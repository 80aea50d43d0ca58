"""Painting spots out of a photo: skin from nearby with its grain, fitted to the light around."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.geometry import Point

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

CORE = 3.0
"""Radius that is replaced completely, in sigmas of the spot; a disc's edge is at 1.4."""

RIM = 4.5
"""Radius at which the replacement has faded out, in sigmas."""

_DARK_SHARE = 0.2  # of the ring, which is left out when light is fitted
_DIRECTIONS = 16
_DISTANCES = (1.5, 2.0, 2.5)
"""Distances of the skin to copy, in radii of the rim."""


@dataclass(frozen=True, slots=True, eq=False)
class _Disc:
    """Square windows around places: offsets (S, S) in pixels from the centre, and their radius."""

    x: Array
    y: Array
    core: float
    rim: float

    @classmethod
    def of(cls, sigma: float) -> _Disc:
        reach = math.ceil(RIM * sigma)
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float64)
        return cls(x, y, CORE * sigma, RIM * sigma)

    @property
    def reach(self) -> int:
        return len(self.x) // 2

    @property
    def radius(self) -> Array:
        radius: Array = np.hypot(self.x, self.y)
        return radius

    @property
    def weight(self) -> Array:
        """1 in the core, 0 at the rim, smooth between."""
        share = np.clip((self.rim - self.radius) / (self.rim - self.core), 0.0, 1.0)
        weight: Array = share**2 * (3.0 - 2.0 * share)
        return weight

    @property
    def ring(self) -> Mask:
        ring: Mask = (self.radius > self.core) & (self.radius <= self.rim)
        return ring

    def terms(self) -> Array:
        """Terms (S, S, 6) of a quadratic surface, of size about 1."""
        x, y = self.x / self.rim, self.y / self.rim
        return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def paint_out(pixels: Pixels, mask: Mask | None, place: Point, sigma: float, choice: int) -> bool:
    """Replace a spot at a place by skin from nearby, in place; False if no skin is near enough.

    ``pixels`` is (H, W, 3), ``sigma`` the spot's size in pixels (at least 0.5). Of the possible
    sources the one is copied that is the ``choice``-th best, counted from 0: the smoothest skin
    that differs from the spot's surroundings by a quadratic surface only, which is added.
    """
    disc = _Disc.of(max(sigma, 0.5))
    column, row = place.pixel
    around = _window(pixels, mask, row, column, disc.reach)
    if around is None:
        return False
    candidates = []
    for step in range(_DIRECTIONS * len(_DISTANCES)):
        angle = 2 * math.pi * (step % _DIRECTIONS) / _DIRECTIONS
        away = _DISTANCES[step // _DIRECTIONS] * disc.rim
        at = row + round(away * math.sin(angle)), column + round(away * math.cos(angle))
        donor = _window(pixels, mask, *at, disc.reach)
        if donor is not None:
            fitted, cost = _fitted(donor, around, disc)
            candidates.append((cost, step, fitted))
    if choice >= len(candidates):
        return False
    fitted = sorted(candidates, key=lambda each: each[:2])[choice][2]
    weight = disc.weight[..., np.newaxis]
    mixed = np.clip(np.rint(around * (1 - weight) + fitted * weight), 0, 255)
    rows = slice(row - disc.reach, row + disc.reach + 1)
    columns = slice(column - disc.reach, column + disc.reach + 1)
    pixels[rows, columns] = mixed.astype(np.uint8)
    return True


def _window(pixels: Pixels, mask: Mask | None, row: int, column: int, reach: int) -> Array | None:
    """Return the window (S, S, 3) around a pixel, or None unless all of it is valid skin."""
    top, left, bottom, right = row - reach, column - reach, row + reach + 1, column + reach + 1
    if top < 0 or left < 0 or bottom > pixels.shape[0] or right > pixels.shape[1]:
        return None
    if mask is not None and not mask[top:bottom, left:right].all():
        return None
    return pixels[top:bottom, left:right].astype(np.float64)


def _fitted(donor: Array, around: Array, disc: _Disc) -> tuple[Array, float]:
    """Return the donor (S, S, 3) plus the surface that fits it to the ring, and its cost.

    The cost is the error on the ring plus the donor's own structure, in levels: after smoothing,
    so that grain costs nothing.
    """
    import cv2

    terms = disc.terms()
    ring = disc.ring
    difference = around - donor
    surface, *_ = np.linalg.lstsq(terms[ring], difference[ring], rcond=None)
    # What reaches into the ring, such as the end of a long mole, would darken the surface.
    light = (difference - terms @ surface).sum(axis=2)
    ring = ring & (light > np.quantile(light[ring], _DARK_SHARE))
    surface, *_ = np.linalg.lstsq(terms[ring], difference[ring], rcond=None)
    fitted = donor + terms @ surface
    smooth = max(0.3 * disc.core, 0.5)
    error = cv2.GaussianBlur(around - fitted, (0, 0), smooth)[ring]
    own, *_ = np.linalg.lstsq(terms.reshape(-1, 6), donor.reshape(-1, 3), rcond=None)
    structure = cv2.GaussianBlur(donor - terms @ own, (0, 0), smooth)
    return fitted, float(np.sqrt((error**2).mean()) + np.sqrt((structure**2).mean()))
