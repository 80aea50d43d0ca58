"""The warp field between two photos: a smooth displacement with a std, then a plane map."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, Flags
from mel_debug.builtin.matchers.geometric.normal_equations import (
    Indices,
    NormalEquations,
    SplineCells,
)
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.spline import (
    basis,
    knots_of,
    second_differences,
    step_of,
)
from mel_debug.builtin.matchers.geometric.support import Support

# Measured by fitting the field again to the matches of a labelled pair, both ways, and of two
# generated pairs: how far, in cells, it leads from true moles. As it is: median 0.05 and 0.13 at
# 95 % over all, which are mostly generated; on the labelled pair 0.72 and at most 2.5.

BEND_STD = 1.5
"""Standard deviation of the displacement's second derivative, per longer side: the prior on how
much bodies bend. The labelled pair's median at 0.4, 0.75, 1.5, 3, 6: 1.79, 1.09, 0.72, 0.70, 0.64
cells. Larger values do no worse there, but raise the std between matches."""

MATCH_STD = 0.7
"""Cells; standard deviation of a correct match around the warp field. Quantisation to cells alone
accounts for 0.6 (both photos, both axes). Half or twice as much changes the overall median by
0.01."""

SHARED_PIXELS = 6.0
"""Matches that count as one observation: features of neighbouring cells share pixels. The labelled
pair's median at 1, 2, 6, 18: 0.65, 0.67, 0.72, 1.06 cells; a smaller count lowers the std."""

FULL_SUPPORT, UNSUPPORTED_STD = 0.5, 3.0
"""Support below which the std is larger than that of the fit, and the std in cells without any. The
fit alone is sure of itself wherever there are matches, even where they are all wrong."""

LEAST_SUPPORT = 0.15
"""Local support from which matches may join; 0 is the level of chance, 1 that of right matches."""

KNOWN_STD = 2.5
"""Cells; the warp field counts as known, and grows, where its std is below this. 1.25 and 5 lead to
the same fields."""

MOST_MATCHES = 5000
"""Matches used in a fit; more are thinned evenly. At 1250, 2500, 5000, 10000 the 95 % error is
0.18, 0.15, 0.13, 0.13 cells."""

INVERSE_ROUNDS = 6
"""Rounds of fixed-point iteration in which a point of the target is mapped back."""

GROWTH_ROUNDS = 12
"""Upper limit; growth ends earlier if no match joins. 3, 6 and 24 led to the same fields on these
pairs."""


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """Displacements with a std, both in cells, that all fits have."""

    equations: NormalEquations
    shifts: Array
    std: float

    @property
    def precisions(self) -> Array:
        return np.full(len(self.shifts), 1 / self.std**2)


class WarpField:
    """A map from points of the source to points of the target, both in cells.

    The displacement is a cubic B-spline with a Gaussian prior on its second differences, the energy
    of a thin-plate spline (Wahba 1990, chapter 2). It is fitted by weighted least squares; its
    posterior std is small among matches and grows with the distance from them. `bend_std` is that
    of the prior, `BEND_STD` by default.
    """

    _kept: _Kept | None = None

    def __init__(
        self, base: PlaneMap, shape: tuple[int, int], bend_std: float | None = None
    ) -> None:
        self.base, self.shape = base, shape
        self.bend_std = BEND_STD if bend_std is None else bend_std
        self.step = step_of(shape)
        self.knots = knots_of(shape)
        self.coefficients: Array = np.zeros((int(self.knots.prod()), 2))
        self.covariance: Array = np.linalg.inv(self.prior)
        self.support: Support | None = None
        self.kept_covariance: Array | None = None

    @classmethod
    def fitted(
        cls,
        base: PlaneMap,
        shape: tuple[int, int],
        coefficients: Array,
        covariance: Array,
        support: Support | None,
        kept_covariance: Array | None = None,
    ) -> "WarpField":
        """Return the field with the results of an earlier fit. Raises ValueError if they don't fit.

        It can be used, and not be grown further.
        """
        field = cls.__new__(cls)
        field.base, field.shape, field.bend_std = base, shape, BEND_STD
        field.step, field.knots = step_of(shape), knots_of(shape)
        count = int(field.knots.prod())
        if coefficients.shape != (count, 2) or covariance.shape != (count, count):
            raise ValueError(f"{coefficients.shape} and {covariance.shape} for {count} knots")
        field.coefficients, field.covariance, field.support = coefficients, covariance, support
        field.kept_covariance = kept_covariance
        return field

    @cached_property
    def prior(self) -> Array:
        """The precision of the coefficients before any match, (knots, knots)."""
        longest = max(self.shape)
        bends = second_differences(self.knots) / (self.step**2 * self.bend_std / longest)
        prior: Array = bends.T @ bends + np.eye(bends.shape[1]) / (longest / 4) ** 2
        return prior

    def __call__(self, places: Array) -> Array:
        """Map (n, 2) points of the source to points of the target."""
        return self.base(places + self.displacement(places))

    def displacement(self, places: Array) -> Array:
        """Return the displacement at points of the source, in cells of the source."""
        return self._shifts(*basis(self.step, self.knots, places))

    def inverse(self, places: Array) -> Array:
        """Map (n, 2) points of the target back, approximately where the displacement is steep."""
        moved = self.base.inverse()(places)
        limits = np.array(self.shape[::-1], dtype=float)
        back = moved
        for _ in range(INVERSE_ROUNDS):
            back = moved - self.displacement(np.clip(back, 0, limits))
        return back

    def std(self, places: Array) -> Array:
        """Return the standard deviation of the displacement, in cells of the source.

        It is that of the posterior, and more where matches don't agree better than by chance, but
        no more than what is kept leaves.
        """
        knots, values = basis(self.step, self.knots, places)
        cells = SplineCells.of(knots)
        std = self._std(cells, values)
        if self.support is None:
            return std
        missing = np.maximum(0.0, 1 - self.support.at(places) / FULL_SUPPORT)
        wider: Array = np.hypot(std, missing * UNSUPPORTED_STD)
        if self.kept_covariance is None:
            return wider
        kept: Array = np.sqrt(np.maximum(0, cells.variances(values, self.kept_covariance)))
        return np.minimum(wider, np.maximum(std, kept))

    def jacobians(self, places: Array) -> Array:
        """Return (n, 2, 2): change of the target's (x, y), by row, per source cell, by column."""
        halves = np.eye(2) / 2
        changes: Array = np.stack([self(places + half) - self(places - half) for half in halves], 2)
        return changes

    def grow(
        self,
        places: Array,
        shifts: Array,
        begin: Flags,
        *,
        reach: Array | None = None,
        shared_pixels: float = SHARED_PIXELS,
    ) -> tuple[Flags, Array]:
        """Fit to consistent matches, outwards from those in `begin`.

        A match joins if the warp field is known there and predicts it, and if matches around it
        agree better than by chance. `shifts`, (n, 2), are the displacements of the matches, and
        `reach`, (n,), the radii in cells within which they were searched; None if everywhere.
        `shared_pixels` matches count as one observation. Returns which matches joined, and the
        residuals of all of them in cells.
        """
        knots, values = basis(self.step, self.knots, places)
        cells = SplineCells.of(knots)
        residuals, joined = np.zeros(len(places)), begin
        support: Array = np.ones(len(places))
        thinning = max(1.0, len(places) / MOST_MATCHES)
        used = np.unique((np.arange(min(len(places), MOST_MATCHES)) * thinning).astype(int))
        some = NormalEquations.of(knots[used], values[used], len(self.prior))
        variance = MATCH_STD**2 * max(1.0, shared_pixels / thinning)
        for _ in range(GROWTH_ROUNDS):
            for _ in range(2):  # iteratively reweighted least squares, Cauchy-like
                downweight = (1 + (residuals[used] / (2 * MATCH_STD)) ** 2) ** 2
                weights = (joined * support)[used] / variance / downweight
                kept, kept_sides = self._kept_equations()
                precision = self.prior + kept + some.matrix(weights)
                sides = kept_sides + some.sides(weights, shifts[used])
                self.coefficients = np.linalg.solve(precision, sides)
                residuals = np.linalg.norm(self._shifts(knots, values) - shifts, axis=1)
            if reach is not None and len(places):
                self.support = Support.of(places, residuals, reach, 2 * MATCH_STD**2)
                support = self.support.at(places)
            self.covariance = _inverse(precision)
            if self._kept is not None:
                self.kept_covariance = _inverse(self.prior + kept)
            std = self._std(cells, values)
            now = (std < KNOWN_STD) & (residuals < 1.5 + 2 * std) & (support > LEAST_SUPPORT)
            if (now != joined).mean() < 0.002:
                break
            joined = now
        return joined, residuals

    def fit(self, places: Array, shifts: Array, precisions: Array) -> None:
        """Fit to the displacements, (n, 2), at points, (n, 2), with (n,) inverse variances."""
        knots, values = basis(self.step, self.knots, places)
        equations = NormalEquations.of(knots, values, len(self.prior))
        precision = self.prior + equations.matrix(precisions)
        self.covariance = _inverse(precision)
        self.coefficients = self.covariance @ equations.sides(precisions, shifts)

    def keep(self, places: Array, shifts: Array, std: float) -> None:
        """Use displacements with a std, in cells, in all later calls of `grow`, if they agree."""
        knots, values = basis(self.step, self.knots, places)
        equations = NormalEquations.of(knots, values, len(self.prior))
        self._kept = _Kept(equations, shifts, std)
        self.kept_covariance = _inverse(self.prior + equations.matrix(self._kept.precisions))

    def occam_factor(self) -> float:
        """Return how improbable the displacement was before any match, in natural logarithms.

        The evidence for a field is the log likelihood of what it predicts, less this: bending, and
        how much of the prior's volume the matches exclude (MacKay 1992, Laplace's approximation).
        """
        bending = float((self.coefficients * (self.prior @ self.coefficients)).sum()) / 2
        # Both axes share one covariance, so that the factor of 1/2 cancels.
        excluded = np.linalg.slogdet(self.covariance)[1] + np.linalg.slogdet(self.prior)[1]
        return bending - float(excluded)

    def _kept_equations(self) -> tuple[Array | float, Array | float]:
        """Return the matrix and the sides of what is kept, less of what the field contradicts."""
        if self._kept is None:
            return 0.0, 0.0
        kept = self._kept
        off = self._shifts(kept.equations.knots, kept.equations.values) - kept.shifts
        downweight = (1 + (off**2).sum(axis=1) / (2 * kept.std) ** 2) ** 2
        precisions = kept.precisions / downweight
        return kept.equations.matrix(precisions), kept.equations.sides(precisions, kept.shifts)

    def _shifts(self, knots: Indices, values: Array) -> Array:
        shifts: Array = np.einsum("nk,nkc->nc", values, self.coefficients[knots])
        return shifts

    def _std(self, cells: SplineCells, values: Array) -> Array:
        return np.asarray(np.sqrt(np.maximum(0, cells.variances(values, self.covariance))))


def _inverse(precision: Array) -> Array:
    """Return the inverse of a symmetric matrix, exactly symmetric."""
    inverse = np.linalg.inv(precision)
    symmetric: Array = (inverse + inverse.T) / 2
    return symmetric
