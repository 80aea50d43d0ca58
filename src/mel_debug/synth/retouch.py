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

_COARSE = 8  # pixels of the core's radius that are enough to compare skin
_DARK_SHARE = 0.2  # of the ring, which is left out when light is fitted
_DIRECTIONS = 16
_DISTANCES = (1.5, 2.0, 2.5)
"""Distances of the skin to copy, in radii of the rim."""


@dataclass(frozen=True, slots=True, eq=False)
class _Disc:
    """A square window around a place: offsets (S, S) in pixels from it, and radii in pixels."""

    x: Array
    y: Array
    core: float
    rim: float

    @classmethod
    def of(cls, sigma: float) -> _Disc:
        reach = math.ceil(RIM * sigma)
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float64)
        return cls(x, y, CORE * sigma, RIM * sigma)

    def coarse(self, step: int) -> _Disc:
        """The same disc with every ``step``-th row and column only."""
        return _Disc(self.x[::step, ::step], self.y[::step, ::step], self.core, self.rim)

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

    def surface(self, values: Array, at: Mask) -> Array:
        """The quadratic surface (S, S, 3) that fits values (S, S, 3) best at some places."""
        x, y = self.x / self.rim, self.y / self.rim
        terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
        factors, *_ = np.linalg.lstsq(terms[at], values[at], rcond=None)
        surface: Array = terms @ factors
        return surface


def paint_out(pixels: Pixels, mask: Mask | None, place: Point, sigma: float, choice: int) -> bool:
    """Replace a spot at a place by skin from nearby, in place; False if no skin is near enough.

    ``pixels`` is (H, W, 3), ``sigma`` the spot's size in pixels (at least 0.5). Of the possible
    sources the one is copied that is the ``choice``-th best, counted from 0: the smoothest skin
    that differs from the spot's surroundings by a quadratic surface only, which is added.
    """
    disc = _Disc.of(max(sigma, 0.5))
    reach = len(disc.x) // 2
    column, row = place.pixel
    around = _window(pixels, mask, row, column, reach)
    if around is None:
        return False
    donors = []
    for number in range(_DIRECTIONS * len(_DISTANCES)):
        angle = 2 * math.pi * (number % _DIRECTIONS) / _DIRECTIONS
        away = _DISTANCES[number // _DIRECTIONS] * disc.rim
        at = row + round(away * math.sin(angle)), column + round(away * math.cos(angle))
        donor = _window(pixels, mask, *at, reach)
        if donor is not None:
            donors.append((_cost(donor, around, disc), at))
    if choice >= len(donors):
        return False
    at = sorted(donors)[choice][1]
    top, left = row - reach, column - reach
    best = pixels[at[0] - reach : at[0] + reach + 1, at[1] - reach : at[1] + reach + 1]
    target = pixels[top : top + 2 * reach + 1, left : left + 2 * reach + 1]
    fitted = best + _change_of_light(around - best, disc)
    weight = disc.weight[..., np.newaxis]
    target[:] = np.clip(np.rint(around * (1 - weight) + fitted * weight), 0, 255).astype(np.uint8)
    return True


def _window(pixels: Pixels, mask: Mask | None, row: int, column: int, reach: int) -> Array | None:
    """Return the window (S, S, 3) around a pixel, or None unless all of it is valid skin."""
    top, left, bottom, right = row - reach, column - reach, row + reach + 1, column + reach + 1
    if top < 0 or left < 0 or bottom > pixels.shape[0] or right > pixels.shape[1]:
        return None
    if mask is not None and not mask[top:bottom, left:right].all():
        return None
    return pixels[top:bottom, left:right].astype(np.float64)


def _cost(donor: Array, around: Array, disc: _Disc) -> float:
    """Return how unfit skin is to be copied: its error on the ring plus its own structure.

    Both are in levels, after smoothing, so that grain costs nothing.
    """
    import cv2

    step = max(1, int(disc.core / _COARSE))
    coarse = disc.coarse(step)
    donor, around = (cv2.blur(each, (step, step))[::step, ::step] for each in (donor, around))
    everywhere = np.ones(coarse.x.shape, dtype=bool)
    error = around - donor
    error = error - coarse.surface(error, coarse.ring)
    structure = donor - coarse.surface(donor, everywhere)
    smooth = max(0.3 * disc.core / step, 0.5)
    error, structure = (cv2.GaussianBlur(each, (0, 0), smooth) for each in (error, structure))
    return float(np.sqrt((error[coarse.ring] ** 2).mean()) + np.sqrt((structure**2).mean()))


def _change_of_light(difference: Array, disc: _Disc) -> Array:
    """Return the surface (S, S, 3) that fits a difference (S, S, 3) on the ring.

    The ring's darkest part is left out: what reaches into it, such as the end of a long mole.
    """
    ring = disc.ring
    light = (difference - disc.surface(difference, ring)).sum(axis=2)
    return disc.surface(difference, ring & (light > np.quantile(light[ring], _DARK_SHARE)))
