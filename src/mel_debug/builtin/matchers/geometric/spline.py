"""Cubic B-splines over the cells of a photo."""

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.builtin.matchers.geometric.normal_equations import Indices

KNOTS = 14
"""B-spline intervals along the photo's longer side. In the warp fields of a labelled pair and two
generated ones, the overall median of the errors changes by less than 0.01 cells from 7 to 28; the
labelled pair's is 0.66, 0.68, 0.72, 0.84, 1.07 at 7, 10, 14, 20, 28."""


def step_of(shape: tuple[int, int]) -> float:
    """Return the cells between two knots for (rows, columns) cells."""
    return max(shape) / KNOTS


def knots_of(shape: tuple[int, int]) -> Indices:
    """Return the number of knots along x and y for (rows, columns) cells."""
    knots: Indices = np.ceil(np.array(shape[::-1]) / (step_of(shape))).astype(int) + 5
    return knots


def basis(step: float, knots: Indices, places: Array) -> tuple[Indices, Array]:
    """Return the knots, (n, 16), whose cubic B-splines are not 0 at each point, and values."""
    at = places / step + 1
    first = np.clip(np.floor(at).astype(int), 0, knots - 4)
    t = (at - first)[..., np.newaxis]
    parts = [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    weights = np.concatenate(parts, axis=-1) / 6
    values = weights[:, 1, :, np.newaxis] * weights[:, 0, np.newaxis, :]
    four = np.arange(4)
    rows = (first[:, 1, np.newaxis] + four)[:, :, np.newaxis] * knots[0]
    columns = (first[:, 0, np.newaxis] + four)[:, np.newaxis, :]
    return (rows + columns).reshape(-1, 16), values.reshape(-1, 16)


def second_differences(knots: Indices) -> Array:
    """Return rows that take second differences of a knot grid along x, along y and mixed."""
    x, y = (np.eye(count) for count in knots)
    return np.vstack(
        [
            np.kron(y, np.diff(x, 2, axis=0)),
            np.kron(np.diff(y, 2, axis=0), x),
            2**0.5 * np.kron(np.diff(y, axis=0), np.diff(x, axis=0)),
        ]
    )
