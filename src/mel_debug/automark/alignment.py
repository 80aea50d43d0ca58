"""A smooth map between two photos, from the places of moles in both: a Gaussian process.

Places are complex numbers, x + iy, in units of the longer side of their photo, relative to its
centre. The priors describe how photos of one person's skin differ between sessions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.complex128]

# How well the priors predict true moles from the others was measured by `benchmarks/constants.py
# alignment`: 60 generated pairs, 900 moles, marks 3 px of 4000 off. Figures are the mean logarithm
# of `density` at the true place: 10.34 with these values; predictions are 4.5 px off at the median
# and 20.7 px at 95 %.

SHIFT_STD = 1.0
"""Prior standard deviation of the shift between photos, in longer sides. From 0.25 to 4 the log
density stays within 0.01."""

SIMILARITY_STD = 1.0
"""Prior standard deviation of the complex factor of rotation and scale. From 0.5 to 4 the log
density stays within 0.01; at 0.25 it loses 0.02."""

SHEAR_STD = 0.15
"""Prior standard deviation of the affine map's remaining part, as for skin seen at an angle. From
0.04 to 0.6 the log density stays within 0.01."""

BEND_STD = 0.1
"""Prior standard deviation of the bend, how a body deforms between photos, in longer sides.

Log density at 0.05, 0.1, 0.2: 10.52, 10.34, 9.86; mean square of the residuals over their variance:
0.94, 0.53, 0.33. Twice what suits generated bodies best, as a map that is too stiff rejects right
places where real skin is seen at a grazing angle.
"""

BEND_LENGTH = 1.0
"""Length scale of the bend, in longer sides. Log density at 0.5, 1, 2, 4: 9.02, 10.34, 10.58,
8.33."""

LOCAL_LENGTH = 0.1
"""Length scale of the local bend of a soft map, in longer sides. With the figures of `mixture`, log
likelihood at 0.1, 0.2: -0.1004, -0.1033 without, -0.1176, -0.1255 with a bend."""

NOISE_STD = 0.001
"""Standard deviation of a mark or a right match about the map: 6 px in a photo of 6000 px.

Log density at 0.0005, 0.001, 0.002: 10.43, 10.34, 9.77.
"""

MIN_WEIGHT = 1e-8
"""The smallest weight of a place; its standard deviation is then 10 longer sides."""

DEGREES_OF_FREEDOM = 4.0
"""Of the t distribution of residuals, whose tails allow for bodies that deviate from the priors. A
usual choice (Lange, Little and Taylor 1989). Log density at 2, 4, 8: 10.25, 10.34, 10.38."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Where each mole is expected, given the places of all other moles.

    `variances` are the predictive variances of right places about `places`, summed over x and y.
    `residuals` are the distances of the found places from the map fitted to all of them.
    """

    places: Places
    variances: Array
    residuals: Array


def predict(
    source: Places, found: Places, weights: Array, sigmas: Array, local_std: float = 0.0
) -> Prediction:
    """Predict each mole in the target from the `found` places of all others.

    `weights`, 0 to 1, scale the precision of the found places. `sigmas` are standard deviations of
    right places in addition to `NOISE_STD`. The map is a complex Gaussian process,
    z -> t + s z + d conj(z) + f(z), of shift, similarity, shear and a smooth bend with a Matern 5/2
    kernel, plus a local bend of standard deviation `local_std`, in longer sides. Leave-one-out
    predictions have a closed form (Rasmussen and Williams 2006, section 5.4.2).
    """
    right = NOISE_STD**2 + sigmas**2
    noise = right / np.clip(weights, MIN_WEIGHT, 1.0)
    if not len(source):
        return Prediction(source, noise, noise)
    covariance = _kernel(source, local_std) + np.diag(noise)
    precision = np.linalg.inv(covariance)
    variances = 1 / np.diag(precision).real
    whitened = precision @ found
    return Prediction(
        found - whitened * variances, variances - noise + right, np.abs(whitened * noise)
    )


def _kernel(places: Places, local_std: float) -> Places:
    """Prior covariance of the places in the target; complex, because a shear conjugates places."""
    first, second = places[:, np.newaxis], places[np.newaxis]
    distances = np.abs(first - second)
    bend = BEND_STD**2 * _matern(distances / BEND_LENGTH)
    bend += local_std**2 * _matern(distances / LOCAL_LENGTH)
    similarity = SIMILARITY_STD**2 * first * second.conj()
    shear = SHEAR_STD**2 * first.conj() * second
    return np.asarray(SHIFT_STD**2 + (similarity + shear) + bend)


def _matern(distances: Array) -> Array:
    """The Matern 5/2 correlation at `distances` in length scales."""
    scaled = np.sqrt(5) * distances
    return np.asarray((1 + scaled + scaled**2 / 3) * np.exp(-scaled))


def density(distances: Array, variances: Array, area: float, freedom: float | None = None) -> Array:
    """Probability density of right places at `distances` from where they are expected.

    A bivariate t distribution of scale `variances` / 2 along each axis, with `DEGREES_OF_FREEDOM`
    unless `freedom` is given. It is at least uniform over
    the valid `area` of the photo at its centre, in squared longer sides.
    """
    peak = np.maximum(1 / (np.pi * variances), 1 / area)
    scaled = 2 * distances**2 / variances
    freedom = DEGREES_OF_FREEDOM if freedom is None else freedom
    return np.asarray(peak * (1 + scaled / freedom) ** (-(freedom + 2) / 2))


def robust_weights(distances: Array, variances: Array) -> Array:
    """The weights of places at `distances` from where they are expected: 1 near, towards 0 far off.

    The weights of expectation maximisation under the t distribution of `density` (Lange, Little and
    Taylor 1989), at most 1.
    """
    scaled = 2 * distances**2 / variances
    return np.asarray(np.minimum(1.0, (DEGREES_OF_FREEDOM + 2) / (DEGREES_OF_FREEDOM + scaled)))
