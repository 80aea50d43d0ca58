"""A mixture of a stiff and a soft map between two photos, weighted by the residuals of the moles.

The stiff map is that of `alignment`. The soft one can also bend locally, as skin does at a shoulder
seen at a grazing angle. Which of both holds at a mole is learned from the other moles, mostly those
nearby: a map is only as sure as the residuals of confident moles allow.
"""

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

# The effect of these constants was measured with the functions of `benchmarks/constants.py joint`
# on 40 pairs, the same on which they were chosen: simulated searches of generated pairs, without
# and with a local bend of 40 to 100 px of 6000.
# Figures are the mean log likelihood of right and wrong, without and with the bend: -0.1004 and
# -0.1176 with these values, -0.1035 and -0.1297 with the stiff map alone. Right places above 0.5
# that fell below it: 0.8 % in both cases, with the stiff map alone 1.5 %. Wrong ones among the
# accepted: 0.7 % and 1.2 %, with the stiff map alone 0.7 % in both.

SOFT_STD = 0.007
"""Standard deviation of the local bend of the soft map, in longer sides: 42 px of 6000.

On real pairs of sessions right places lay 42 to 97 px of 6000 from the stiff map. Log likelihood at
0.005, 0.007, 0.01: -0.1011, -0.1004, -0.1022 without, -0.1199, -0.1176, -0.1204 with the bend.
"""

SOFT_SHARE = 0.3
"""The prior probability that the soft map holds at a mole.

Log likelihood at 0.1, 0.3, 0.6: -0.1013, -0.1004, -0.1020 without the bend, -0.1225, -0.1176,
-0.1155 with it; wrong ones among the accepted with it: 0.7 %, 1.2 %, 1.4 %.
"""

SOFT_FREEDOM = 12.0
"""Degrees of freedom of the soft map's residuals: it needs no long tails, as it allows for bends
already. Log likelihood at 4, 12: -0.1021, -0.1004 without, -0.1199, -0.1176 with the bend."""

PRIOR_MOLES = 4.0
"""The weight of `SOFT_SHARE`, in confident moles. Log likelihood at 1, 4, 16: -0.0999, -0.1004,
-0.1010 without, -0.1175, -0.1176, -0.1179 with the bend."""

REACH = 0.25
"""Moles at a distance d inform each other of the map that holds with the weight exp(-(d / REACH)^2
/ 2), in longer sides."""


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Where each mole is expected by a stiff and a soft map, given the places of all others.

    `softness` is the probability that the soft map holds at a mole, without regard to the place of
    the mole itself. `area` is the valid area of the target, in squared longer sides.
    """

    stiff: Prediction
    soft: Prediction
    softness: Array
    area: float

    @property
    def places(self) -> Places:
        """The mean of the mixture for each mole."""
        stiff, soft = self.stiff.places, self.soft.places
        return np.asarray(stiff + self.softness * (soft - stiff))

    @property
    def variances(self) -> Array:
        """The variance of the mixture for each mole, summed over x and y."""
        within = self.stiff.variances + self.softness * (self.soft.variances - self.stiff.variances)
        apart = np.abs(self.soft.places - self.stiff.places) ** 2
        return np.asarray(within + self.softness * (1 - self.softness) * apart)

    def density(self, number: int, places: Places, more_variance: float = 0.0) -> Array:
        """The probability density of right places of one mole at `places`.

        `more_variance` is added to the variances of both maps.
        """
        stiff, soft = (
            _densities(
                places - each.places[number],
                np.full(len(places), each.variances[number] + more_variance),
                self.area,
                freedom,
            )
            for each, freedom in ((self.stiff, None), (self.soft, SOFT_FREEDOM))
        )
        share = self.softness[number]
        return np.asarray((1 - share) * stiff + share * soft)

    def is_soft(self, found: Places) -> Array:
        """The probability that the soft map holds at each mole, also given its place."""
        stiff, soft = (
            _densities(found - each.places, each.variances, self.area, freedom)
            for each, freedom in ((self.stiff, None), (self.soft, SOFT_FREEDOM))
        )
        odds = self.softness * soft
        return np.asarray(odds / np.maximum(odds + (1 - self.softness) * stiff, 1e-300))

    def robust_weights(self, found: Places) -> Array:
        """The weights of `alignment.robust_weights`, averaged over both maps."""
        stiff, soft = (
            robust_weights(np.abs(found - each.places), each.variances)
            for each in (self.stiff, self.soft)
        )
        return np.asarray(stiff + self.is_soft(found) * (soft - stiff))


def mix(
    source: Places, found: Places, weights: Array, sigmas: Array, is_soft: Array, area: float
) -> Mixture:
    """The mixture, given the `found` places, as for `alignment.predict`.

    `is_soft` is the present estimate of `Mixture.is_soft`; at first it is `SOFT_SHARE`. Moles with
    a soft map have a lower weight for the stiff one. The softness at a mole is the weighted share
    of soft ones among the others, with `PRIOR_MOLES` of `SOFT_SHARE`.
    """
    near = np.exp(-((np.abs(source[:, np.newaxis] - source[np.newaxis]) / REACH) ** 2) / 2)
    near = near * weights
    np.fill_diagonal(near, 0.0)
    softness = (PRIOR_MOLES * SOFT_SHARE + near @ is_soft) / (PRIOR_MOLES + near.sum(axis=1))
    return Mixture(
        predict(source, found, weights * (1 - is_soft), sigmas),
        predict(source, found, weights, sigmas, SOFT_STD),
        softness,
        area,
    )


def _densities(offsets: Places, variances: Array, area: float, freedom: float | None) -> Array:
    return density(np.abs(offsets), variances, area, freedom)
