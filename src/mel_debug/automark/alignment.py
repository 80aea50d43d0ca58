"""Where the moles of one photo lead in another: a smooth map that tells how sure it is.

Places are complex numbers, x + iy, as shares of their photo's longer side from its middle.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.complex128]

# How well the priors foresee true moles from the others was measured by `benchmarks/constants.py
# alignment`: 60 generated pairs, 900 moles, marks 3 px of 4000 off. Figures are the mean logarithm
# of `density` at the true place: 10.34 as it is, foreseen places 4.5 px off (20.7 px at 95 %).

TRAVEL = 1.0
"""Prior standard deviation of the shift between photos, in longer sides: any is possible. From 0.25
to 4 the log density stays within 0.01."""

TURN = 1.0
"""... of a turn with a change of size (the similarity's complex factor): any is possible. From
0.5 to 4 the log density stays within 0.01; at 0.25 it loses 0.02."""

SHEAR = 0.15
"""... of what an affine map adds to a similarity, as skin seen at a slant does. From 0.04 to 0.6
the log density stays within 0.01."""

BEND = 0.1
"""... of how a body bends between photos, in longer sides, over `BEND_OVER` of them.

Log density at 0.05, 0.1, 0.2: 10.52, 10.34, 9.86; mean square of the misses over their variance:
0.94, 0.53, 0.33. Twice what suits generated bodies best, as too stiff a map rejects right places
where real skin is seen at a grazing angle.
"""

BEND_OVER = 1.0
"""Longer sides; length scale of the Matern kernel. Log density at 0.5, 1, 2, 4: 9.02, 10.34, 10.58,
8.33."""

NOISE = 0.001
"""Standard deviation of a mark or a right match about the map: 6 px at 6000.

Log density at 0.0005, 0.001, 0.002: 10.43, 10.34, 9.77; foreseen places are 4.9, 4.5, 4.5 px off.
"""

LEAST_WEIGHT = 1e-8
"""... so that what is not trusted at all has a standard deviation of 10 longer sides."""

TAIL = 4.0
"""Degrees of freedom of the t distribution of residuals: bodies are not quite what priors say. A
usual choice (Lange, Little and Taylor 1989). Log density at 2, 4, 8: 10.25, 10.34, 10.38."""


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """Where all other moles lead one to expect each mole, and how sure that is.

    `variances` are those of a right place about `places`, of x and y together. `residuals` are the
    distances of the moles from the smooth map through all, themselves included.
    """

    places: Places
    variances: Array
    residuals: Array


def predict(source: Places, found: Places, weights: Array, sigmas: Array) -> Predicted:
    """Predict each mole in the target from the `found` places of all others.

    `weights`, 0 to 1, say how far each found place is trusted: as a measurement with so much less
    precision. `sigmas` are standard deviations that a right place has besides `NOISE`. The map is a
    complex Gaussian process, z -> t + s z + d conj(z) + f(z): shift, turn with size, shear, and a
    smooth bend with a Matern 5/2 kernel; the leave-one-out prediction is in closed form (Rasmussen
    and Williams 2006, section 5.4.2).
    """
    right = NOISE**2 + sigmas**2
    noise = right / np.clip(weights, LEAST_WEIGHT, 1.0)
    if not len(source):
        return Predicted(source, noise, noise)
    covariance = _kernel(source) + np.diag(noise)
    precision = np.linalg.inv(covariance)
    total = 1 / np.diag(precision).real
    pull = precision @ found
    surprise = pull * total
    return Predicted(found - surprise, total - noise + right, np.abs(pull * noise))


def _kernel(places: Places) -> Places:
    """Prior covariance of the target's places; complex, as a shear turns the other way round."""
    here, there = places[:, np.newaxis], places[np.newaxis]
    away = np.sqrt(5) * np.abs(here - there) / BEND_OVER
    bend = BEND**2 * (1 + away + away**2 / 3) * np.exp(-away)
    turn = TURN**2 * here * there.conj() + SHEAR**2 * here.conj() * there
    return np.asarray(TRAVEL**2 + turn + bend)


def density(distances: Array, variances: Array, area: float) -> Array:
    """Probability density of a place at a distance from where it is expected.

    A t distribution in the plane, of scale `variances` / 2 each way, on a photo of which `area`
    counts; where next to nothing is known, places are even over the photo.
    """
    height = np.maximum(1 / (np.pi * variances), 1 / area)
    spread = distances**2 / variances
    return np.asarray(height * (1 + 2 * spread / TAIL) ** (-(TAIL + 2) / 2))


def pull(distances: Array, variances: Array) -> Array:
    """How much of its weight a place keeps that lies at a distance from where it is expected.

    1 for what is as expected; what is far off under the t distribution of `density` pulls the less
    the further it is (the weight of its expectation maximisation; Lange, Little and Taylor 1989).
    """
    spread = 2 * distances**2 / variances
    return np.asarray(np.minimum(1.0, (TAIL + 2) / (TAIL + spread)))
