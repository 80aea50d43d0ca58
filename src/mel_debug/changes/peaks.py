"""Which peaks in the scale space of a photo's darkness are spots."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Plane = NDArray[np.float32]
Places = NDArray[np.intp]

SIGMAS = tuple(1.5 * 1.3**step for step in range(14))
"""Sizes of spots, as the sigma of a Gaussian in pixels: discs with diameters of 4 to 128 pixels."""

MOST_ELONGATED = 4.5
"""Largest ratio of the principal curvatures; hairs, creases and scratches exceed it."""

END, MOST_AT_END = 4.0, 0.3
"""A longer spot is no part of a line either if it ends on both sides: so many sigmas from its
middle along its axis, the response is below that share of the middle's. Of 13 moles that are 1.5 to
3 times as long as wide one had 0.5, the others at most 0.25; straps and creases have about 0.9."""

LEAST_LONG = 2.5
"""Least sigma of such a spot, in pixels: thinner ones are hairs."""

DOT = 0.3
"""Largest sigma of a dot on a spot, as a share of the spot's: a dark freckle on a pale mole."""

LOBE = 1.0
"""Distance from a stronger and larger spot, in its diameters, within which a spot is a part of it.
The lobes of 14 new moles of 68 generated pairs were 0.5 to 0.9 away, the next other spot 1.2."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A dark spot: its place (x, y) in pixels of the plane, its scale's number, its response."""

    x: float
    y: float
    level: int
    response: float

    @property
    def sigma(self) -> float:
        return SIGMAS[self.level]

    @property
    def diameter(self) -> float:
        """That of a disc with the strongest response at this scale, in pixels of the plane."""
        return 2 * 2**0.5 * self.sigma


def is_spot(level: Plane, rows: Places, columns: Places, sigma: float) -> NDArray[np.bool_]:
    """Whether each peak of a response is that of a spot, rather than part of a line."""
    elongation, _ = _shape(level, rows, columns, max(1, round(sigma / 2)))
    spotlike: NDArray[np.bool_] = elongation < MOST_ELONGATED
    return spotlike | _ends(level, rows, columns, sigma) if sigma >= LEAST_LONG else spotlike


def _ends(level: Plane, rows: Places, columns: Places, sigma: float) -> NDArray[np.bool_]:
    """Whether the response around each peak falls on both sides along its axis."""
    _, axis = _shape(level, rows, columns, max(1, round(sigma)))
    down, across = END * sigma * np.sin(axis), END * sigma * np.cos(axis)
    height, width = level.shape
    ended = np.ones(len(rows), dtype=bool)
    for side in (1, -1):
        row = np.clip(np.rint(rows + side * down), 0, height - 1).astype(int)
        column = np.clip(np.rint(columns + side * across), 0, width - 1).astype(int)
        ended &= level[row, column] < MOST_AT_END * level[rows, columns]
    return ended


def _shape(level: Plane, rows: Places, columns: Places, step: int) -> tuple[Array, Array]:
    """The ratio of the principal curvatures of peaks of a response, and the angle of their axis.

    Seen `step` pixels from the peak. The ratio is 1 for round peaks, high for parts of lines, and
    infinite for saddles. The axis is the direction of the least curvature, in radians from x to y.
    """
    up, down = np.maximum(rows - step, 0), np.minimum(rows + step, level.shape[0] - 1)
    left, right = np.maximum(columns - step, 0), np.minimum(columns + step, level.shape[1] - 1)
    middle = level[rows, columns]
    xx = 2 * middle - level[rows, left] - level[rows, right]
    yy = 2 * middle - level[up, columns] - level[down, columns]
    xy = level[up, right] + level[down, left] - level[down, right] - level[up, left]
    mean, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy / 4)
    ratio: Array = np.full(len(rows), np.inf)
    peaked = mean > half
    ratio[peaked] = (mean + half)[peaked] / (mean - half)[peaked]
    axis: Array = (np.arctan2(xy / 2, xx - yy) + np.pi) / 2
    return ratio, axis


def distinct(spots: list[Spot]) -> list[Spot]:
    """The spots, strongest first, without those that overlap a stronger one.

    A spot on which all stronger ones are dots stays as well.
    """
    kept: list[Spot] = []
    left = spots
    for least in (0.0, DOT):
        places = np.array([[spot.x, spot.y, spot.sigma] for spot in kept]).reshape(-1, 3)
        again = []
        for spot in left:
            near = np.hypot(places[:, 0] - spot.x, places[:, 1] - spot.y)
            overlaps = near < 1.4 * np.maximum(places[:, 2], spot.sigma)
            if (overlaps & (places[:, 2] > least * spot.sigma)).any():
                again.append(spot)
                continue
            kept.append(spot)
            places = np.vstack([places, [spot.x, spot.y, spot.sigma]])
        left = again
    return sorted(kept, key=lambda spot: -spot.response)


def is_lobe(spot: Spot, other: Spot) -> bool:
    """Whether a spot is a part of another one, as the lobes of an irregular mole are."""
    part = other.sigma > spot.sigma and other.response > spot.response
    return part and np.hypot(other.x - spot.x, other.y - spot.y) < LOBE * other.diameter
