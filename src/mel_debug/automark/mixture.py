"""A mixture of stiff and soft maps between two photos, weighted by the residuals of nearby moles."""

from dataclasses import dataclass

import numpy as np

from mel_debug.automark.alignment import (
    Array,
    Places,
    Prediction,
    density,
    predict,
    robust_weights,
)

LOCAL_STDS = (0.0, 0.01)
PRIOR_SHARES = (0.75, 0.25)
FREEDOM = (4.0, 12.0)
PRIOR_MOLES = 4.0
REACH = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """The predictions of every mole by maps of increasing softness.

    `shares` has shape (maps, moles): the probability that a map holds at a mole, without regard to
    the place of that mole itself.
    """

    maps: tuple[Prediction, ...]
    shares: Array
    area: float

    @property
    def places(self) -> Places:
        """Where each mole is expected: the mean of the mixture."""
        return np.asarray((self.shares * self._stacked).sum(axis=0))

    @property
    def variances(self) -> Array:
        """The variance of the mixture, summed over x and y: within and between the maps."""
        within = self.shares * np.array([each.variances for each in self.maps])
        between = self.shares * np.abs(self._stacked - self.places) ** 2
        return np.asarray((within + between).sum(axis=0))

    @property
    def _stacked(self) -> Places:
        return np.array([each.places for each in self.maps])

    def density(self, number: int, places: Places, more_variance: float = 0.0) -> Array:
        """The probability density of a mole's right place, at each of `places`."""
        total = np.zeros(len(places))
        for share, each, freedom in zip(
            self.shares[:, number], self.maps, FREEDOM, strict=True
        ):
            variances = np.full(len(places), each.variances[number] + more_variance)
            distances = np.abs(places - each.places[number])
            total += share * density(distances, variances, self.area, freedom)
        return total

    def holding(self, found: Places) -> Array:
        """The probability that each map holds at each mole, now given its place (maps, moles)."""
        odds = self.shares * np.array(
            [
                density(np.abs(found - each.places), each.variances, self.area, freedom)
                for each, freedom in zip(self.maps, FREEDOM, strict=True)
            ]
        )
        return np.asarray(odds / odds.sum(axis=0))

    def robust_weights(self, found: Places) -> Array:
        """The weights of `alignment.robust_weights`, averaged over the maps that may hold."""
        weights = [robust_weights(np.abs(found - m.places), m.variances) for m in self.maps]
        return np.asarray((self.holding(found) * np.array(weights)).sum(axis=0))


def prior_holding(count: int) -> Array:
    """`Mixture.holding` before any prediction."""
    return np.tile(np.array(PRIOR_SHARES)[:, np.newaxis], (1, count))


def predict_mixture(
    source: Places, found: Places, weights: Array, sigmas: Array, holding: Array, area: float
) -> Mixture:
    stiffer = np.cumsum(holding, axis=0)
    maps = tuple(
        predict(source, found, weights * np.minimum(share, 1.0), sigmas, local_std)
        for local_std, share in zip(LOCAL_STDS, stiffer, strict=True)
    )
    near = np.exp(-((np.abs(source[:, np.newaxis] - source[np.newaxis]) / REACH) ** 2) / 2)
    near = near * weights
    np.fill_diagonal(near, 0.0)
    counts = PRIOR_MOLES * np.array(PRIOR_SHARES)[:, np.newaxis] + holding @ near.T
    return Mixture(maps, counts / counts.sum(axis=0), area)
