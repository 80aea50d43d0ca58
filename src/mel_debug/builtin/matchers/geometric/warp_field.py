"""The warp field from one photo to another: a smooth displacement with a std, then an affine."""

import numpy as np
from scipy import linalg, sparse

from mel_debug.builtin.matchers.geometric.arrays import Array, Flags

KNOTS = 14
"""B-spline intervals along the photo's longer side."""

BEND_STD = 1.5
"""Standard deviation of the displacement's second derivative, per longer side: the prior on how
much bodies bend."""

MATCH_STD = 0.7
"""Cells; standard deviation of a correct match around the warp field."""

MATCHES_PER_OBSERVATION = 6.0
"""Matches that count as one observation: features of neighbouring cells share pixels."""

KNOWN_STD = 2.5
"""Cells; the warp field counts as known, and grows, where its std is below this."""

MOST_MATCHES = 5000
"""Matches used in a fit; more are thinned evenly."""

GROWTH_ROUNDS = 12
"""Upper limit; growth ends before if the matches stay the same."""


class WarpField:
    """A map from points of the source to points of the target, both in cells.

    The displacement is a cubic B-spline with a Gaussian prior on its second differences, the energy
    of a thin-plate spline (Wahba 1990, chapter 2). It is fitted by weighted least squares; its
    posterior std is small among matches and grows with the distance from them.
    """

    def __init__(self, affine: Array, shape: tuple[int, int]) -> None:
        longest = max(shape)
        self.affine = affine
        self.step = longest / KNOTS
        self.knots = np.ceil(np.array(shape[::-1]) / self.step).astype(int) + 5  # along x, y
        bends = _second_differences(self.knots) / (self.step**2 * BEND_STD / longest)
        self.prior = bends.T @ bends + np.eye(bends.shape[1]) / (longest / 4) ** 2
        self.coefficients = np.zeros((len(self.prior), 2))
        self.covariance = np.linalg.inv(self.prior)

    def __call__(self, places: Array) -> Array:
        """Map (n, 2) points of the source to points of the target."""
        target: Array = (places + self.displacement(places)) @ self.affine[:2] + self.affine[2]
        return target

    def before_affine(self, places: Array) -> Array:
        """Map points of the target to the source by the inverse of the affine part alone."""
        source: Array = (places - self.affine[2]) @ np.linalg.inv(self.affine[:2])
        return source

    def displacement(self, places: Array) -> Array:
        """Return the displacement at points of the source, in cells of the source."""
        shifts: Array = self._basis(places) @ self.coefficients
        return shifts

    def std(self, places: Array) -> Array:
        """Return the posterior standard deviation of the displacement, in cells of the source."""
        return self._std(self._basis(places))

    def jacobians(self, places: Array) -> Array:
        """Return (n, 2, 2): change of the target's (x, y), by row, per source cell, by column."""
        halves = np.eye(2) / 2
        changes: Array = np.stack([self(places + half) - self(places - half) for half in halves], 2)
        return changes

    def grow(self, places: Array, shifts: Array, begin: Flags) -> tuple[Flags, Array]:
        """Fit to consistent matches, outwards from those in `begin`.

        A match joins if the warp field is known there and predicts it. `shifts`, (n, 2), are the
        displacements of the matches. Returns which matches joined, and the residuals of all of
        them in cells.
        """
        basis, residuals, joined = self._basis(places), np.zeros(len(places)), begin
        thinning = max(1.0, len(places) / MOST_MATCHES)
        used = np.unique((np.arange(min(len(places), MOST_MATCHES)) * thinning).astype(int))
        some, variance = basis[used], MATCH_STD**2 * max(1.0, MATCHES_PER_OBSERVATION / thinning)
        for _ in range(GROWTH_ROUNDS):
            for _ in range(2):  # iteratively reweighted least squares, Cauchy-like
                downweight = (1 + (residuals[used] / (2 * MATCH_STD)) ** 2) ** 2
                precision = self._fit(some, shifts[used], joined[used] / variance / downweight)
                residuals = np.linalg.norm(basis @ self.coefficients - shifts, axis=1)
            self.covariance = linalg.cho_solve(precision, np.eye(len(self.prior)))
            std = self._std(basis)
            now = (std < KNOWN_STD) & (residuals < 1.5 + 2 * std)
            if (now != joined).mean() < 0.002:
                break
            joined = now
        return joined, residuals

    def _fit(self, basis: sparse.csr_matrix, shifts: Array, weights: Array) -> tuple[Array, bool]:
        """Set the coefficients; returns the Cholesky factor of the posterior's precision."""
        weighted = basis.multiply(weights[:, np.newaxis]).tocsr()
        precision: tuple[Array, bool] = linalg.cho_factor(
            (basis.T @ weighted).toarray() + self.prior
        )
        self.coefficients = linalg.cho_solve(precision, weighted.T @ shifts)
        return precision

    def _std(self, basis: sparse.csr_matrix) -> Array:
        variance = np.asarray(basis.multiply(basis @ self.covariance).sum(axis=1)).ravel()
        return np.asarray(np.sqrt(np.maximum(0, variance)))

    def _basis(self, places: Array) -> sparse.csr_matrix:
        """Return (points, knots): the values of the 16 non-zero cubic B-splines at each point."""
        at = places / self.step + 1
        first = np.clip(np.floor(at).astype(int), 0, self.knots - 4)
        t = (at - first)[..., np.newaxis]
        parts = [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
        weights = np.concatenate(parts, axis=-1) / 6
        values = weights[:, 1, :, np.newaxis] * weights[:, 0, np.newaxis, :]
        four = np.arange(4)
        rows = (first[:, 1, np.newaxis] + four)[:, :, np.newaxis] * self.knots[0]
        columns = (first[:, 0, np.newaxis] + four)[:, np.newaxis, :]
        pointers = np.arange(0, 16 * len(places) + 1, 16)
        shape = (len(places), len(self.coefficients))
        return sparse.csr_matrix((values.ravel(), (rows + columns).ravel(), pointers), shape)


def _second_differences(knots: Array) -> Array:
    """Return rows that take second differences of a knot grid along x, along y and mixed."""
    index, root = np.arange(int(knots.prod())).reshape(knots[::-1]), 2**0.5
    terms = (
        ((index[:, :-2], index[:, 1:-1], index[:, 2:]), (1, -2, 1)),
        ((index[:-2], index[1:-1], index[2:]), (1, -2, 1)),
        (
            (index[:-1, :-1], index[1:, 1:], index[1:, :-1], index[:-1, 1:]),
            (root, root, -root, -root),
        ),
    )
    blocks = []
    for places, factors in terms:
        block = np.zeros((places[0].size, index.size))
        for place, factor in zip(places, factors, strict=True):
            block[np.arange(len(block)), place.ravel()] = factor
        blocks.append(block)
    return np.vstack(blocks)
