"""Weighted least squares of splines: each place depends on 16 knots only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.matchers.geometric.arrays import Array

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class SplineCells:
    """Places in the order of the cells of the spline: those of one cell have the same 16 knots.

    `order`, (n,), are the numbers of the places in that order, `ends` where each cell's end in it,
    and `knots` is (cells, 16).
    """

    order: Indices
    ends: Indices
    knots: Indices

    @classmethod
    def of(cls, knots: Indices) -> "SplineCells":
        """For the (n, 16) ascending knots of places."""
        order = np.argsort(knots[:, 0], kind="stable")
        first = knots[order, 0]
        ends = np.append(np.flatnonzero(np.diff(first)) + 1, len(first)) if len(first) else first
        return cls(order, ends, knots[order[ends - 1]])

    def variances(self, values: Array, covariance: Array) -> Array:
        """The (n,) variances of sums of knots with (n, 16) values and their covariance."""
        ordered, start = values[self.order], 0
        variances = np.empty(len(values))
        for knots, end in zip(self.knots, self.ends.tolist(), strict=True):
            some = ordered[start:end]
            inner = covariance[knots[:, np.newaxis], knots]
            variances[self.order[start:end]] = ((some @ inner) * some).sum(axis=1)
            start = end
        return variances


@dataclass(frozen=True, slots=True, eq=False)
class NormalEquations:
    """The normal equations of weighted least squares for places with 16 knots each.

    SciPy's sparse matrices give the same, but take half a second to import. `values`, (n, 16), are
    in the order of the places, and `ordered` in that of `cells`.
    """

    knots: Indices
    values: Array
    cells: SplineCells
    ordered: Array
    count: int

    @classmethod
    def of(cls, knots: Indices, values: Array, count: int) -> "NormalEquations":
        """For (n, 16) ascending knots and their values, of `count` knots altogether."""
        cells = SplineCells.of(knots)
        return cls(knots, values, cells, values[cells.order], count)

    def matrix(self, weights: Array) -> Array:
        """The (count, count) matrix of the equations for (n,) weights."""
        weighted = self.ordered * weights[self.cells.order, np.newaxis]
        matrix, start = np.zeros((self.count, self.count)), 0
        for knots, end in zip(self.cells.knots, self.cells.ends.tolist(), strict=True):
            matrix[knots[:, np.newaxis], knots] += weighted[start:end].T @ self.ordered[start:end]
            start = end
        return matrix

    def sides(self, weights: Array, shifts: Array) -> Array:
        """The (count, 2) right-hand sides for (n,) weights and (n, 2) shifts."""
        weighted = self.values * weights[:, np.newaxis]
        each = [
            np.bincount(self.knots.ravel(), (weighted * shift[:, np.newaxis]).ravel(), self.count)
            for shift in shifts.T
        ]
        return np.stack(each, axis=1)
