"""Weighted least squares of splines: each place depends on 16 knots only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.matchers.geometric.arrays import Array

Indices = NDArray[np.intp]

FIRST, SECOND = np.triu_indices(16)
"""The pairs of a place's knots."""


@dataclass(frozen=True, slots=True, eq=False)
class NormalEquations:
    """The normal equations of weighted least squares for places with 16 knots each.

    SciPy's sparse matrices give the same, but take half a second to import. `cells` and `products`,
    (n, 136), are the cells in the upper half of the (count, count) matrix that each pair of a
    place's knots adds to, and what it adds for a weight of 1.
    """

    knots: Indices
    values: Array
    cells: Indices
    products: Array
    count: int

    @classmethod
    def of(cls, knots: Indices, values: Array, count: int) -> "NormalEquations":
        """For (n, 16) ascending knots and their values, of `count` knots altogether."""
        cells = knots[:, FIRST] * count + knots[:, SECOND]
        return cls(knots, values, cells, values[:, FIRST] * values[:, SECOND], count)

    def matrix(self, weights: Array) -> Array:
        """The (count, count) matrix of the equations for (n,) weights."""
        added = self.products * weights[:, np.newaxis]
        upper = _summed(self.cells, added, self.count**2).reshape(self.count, self.count)
        return upper + np.triu(upper, 1).T

    def sides(self, weights: Array, shifts: Array) -> Array:
        """The (count, 2) right-hand sides for (n,) weights and (n, 2) shifts."""
        weighted = self.values * weights[:, np.newaxis]
        each = [
            _summed(self.knots, weighted * shift[:, np.newaxis], self.count) for shift in shifts.T
        ]
        return np.stack(each, axis=1)


def _summed(cells: Indices, added: Array, count: int) -> Array:
    return np.asarray(np.bincount(cells.ravel(), added.ravel(), count), dtype=float)
