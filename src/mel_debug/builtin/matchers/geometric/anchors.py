"""Correction of the warp field by anchors: other moles and dark blobs found in both photos.

Where the warp field is too stiff for a bend, or was led astray by a shadow, all that was found
nearby is off in the same way. A Gaussian process over these offsets (Rasmussen and Williams 2006,
chapter 2) predicts that of one more mole, from all anchors but itself. Everything is in pixels of
the source; lengths are shares of the photo's longer side, so that the size of a photo in pixels
does not matter.
"""

from dataclasses import dataclass, replace

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, Flags

# A prototype on a labelled pair of sessions (`shared/facts.md`, Real photos) found 97 % of 100
# moles with these, 82 % without anchors.

LENGTH = 0.07
"""Length scale of the offsets, as a share of the longer side."""

OFFSET_STD = 40 / 6000
"""Standard deviation of the warp field's unknown error, as a share of the longer side."""

NOISE_STD = 6 / 6000
"""Standard deviation of one anchor of full weight, as a share of the longer side."""

REWEIGHTINGS = 5
"""Rounds of robust reweighting."""

SURPRISE = 2.5
"""Leave-one-out error, in its standard deviations, that quarters an anchor's weight."""

LEAST_WEIGHT = 1e-4
"""Least weight of an anchor, which leaves it without influence but the equations solvable."""

TRUSTED = 0.25
"""Weight from which an anchor counts as one that agrees with the others."""

SAME_SPOT = 0.003
"""Share of the longer side, 18 px of 6000; an anchor this close shows the predicted mole itself."""

FAR = 3.5
"""Length scales; anchors farther away than this have a correlation below 0.2 % and are left out."""

NEAR = 2.0
"""Length scales within which an anchor counts as near, as its correlation is above 13 %."""


@dataclass(frozen=True, slots=True, eq=False)
class Anchors:
    """Spots found in both photos.

    `places` is (n, 2) pixels of the source. `offsets` is (n, 2): where each was found less where
    the warp field put it, taken back to pixels of the source. `weights` is (n,), from 0 to 1.
    """

    places: Array
    offsets: Array
    weights: Array

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """The offset from the warp field that anchors predict at a place.

    `offset` is (2,) pixels of the source; `gradient` (2, 2) is its change, by row, per source pixel
    (x, y), by column. `unexplained`, from 0 to 1, is the share of the variance that the anchors
    leave: 1 without anchors nearby. `error_std` is the root mean square of the leave-one-out errors
    of nearby anchors along an axis, and `offset_std` that of their offsets, both in pixels of the
    source. `near` is the number of trusted anchors within `NEAR`.
    """

    offset: Array
    gradient: Array
    unexplained: float
    error_std: float
    offset_std: float
    near: int


NO_CORRECTION = Correction(np.zeros(2), np.zeros((2, 2)), 1.0, 0.0, 0.0, 0)
"""What is known without anchors: nothing."""


def kernel(first: Array, second: Array, longest: float) -> Array:
    """Return (n, m) covariances of the offsets at (n, 2) and (m, 2) places, along one axis."""
    squares = ((first[:, np.newaxis] - second) ** 2).sum(axis=2)
    covariances: Array = (OFFSET_STD * longest) ** 2 * np.exp(
        -squares / (2 * (LENGTH * longest) ** 2)
    )
    return covariances


def leave_one_out(anchors: Anchors, longest: float) -> tuple[Array, Array]:
    """Return each anchor's offset as the others predict it, less its own, and the variance of that.

    (n, 2) and (n,), by the closed form of Rasmussen and Williams (2006), equation 5.12. The
    variance is along one axis and includes the anchor's own noise.
    """
    inverse = np.linalg.inv(_covariance(anchors, longest))
    diagonal = inverse.diagonal()
    return -(inverse @ anchors.offsets) / diagonal[:, np.newaxis], 1 / diagonal


def trusted(anchors: Anchors, longest: float) -> Anchors:
    """Return the anchors with less weight where the others contradict them.

    Iteratively reweighted least squares with the weights of Geman and McClure (1987), which fall
    faster than Cauchy's, on leave-one-out errors: an anchor's own residual is small wherever it is
    alone, right or wrong.
    """
    reweighted = anchors
    if len(anchors) < 2:
        return anchors
    for _ in range(REWEIGHTINGS):
        errors, variances = leave_one_out(reweighted, longest)
        # An anchor is judged with the noise of full weight: one that has lost its weight would
        # otherwise be excused by its own noise, and regain it.
        own = (NOISE_STD * longest) ** 2
        expected = variances - own / _clipped(reweighted.weights) + own
        surprise = (errors**2).sum(axis=1) / (2 * SURPRISE**2 * expected)
        reweighted = replace(anchors, weights=anchors.weights / (1 + surprise) ** 2)
    return reweighted


def corrections(anchors: Anchors, places: Array, longest: float) -> list[Correction]:
    """Return what trusted anchors predict at (n, 2) places, each without those of the same spot."""
    if not len(anchors):
        return [NO_CORRECTION] * len(places)
    errors, _ = leave_one_out(anchors, longest)
    return [_correction(anchors, errors, place, longest) for place in places]


def _correction(anchors: Anchors, errors: Array, place: Array, longest: float) -> Correction:
    away = np.hypot(*(anchors.places - place).T) / longest
    used = (away > SAME_SPOT) & (away < FAR * LENGTH)
    if not used.any():
        return NO_CORRECTION
    some = _taken(anchors, used)
    covariances = kernel(place[np.newaxis], some.places, longest)[0]
    solved = np.linalg.solve(
        _covariance(some, longest), np.column_stack([some.offsets, covariances])
    )
    scaled = covariances[:, np.newaxis] * (some.places - place) / (LENGTH * longest) ** 2
    unexplained = 1 - float(covariances @ solved[:, 2]) / (OFFSET_STD * longest) ** 2
    # Anchors that predict each other badly predict this place no better. The expected noise counts
    # as one more anchor.
    shares = some.weights * covariances / (OFFSET_STD * longest) ** 2
    noise = (NOISE_STD * longest) ** 2
    error, offset = (
        float(np.sqrt((noise + shares @ (each[used] ** 2).sum(axis=1) / 2) / (1 + shares.sum())))
        for each in (errors, anchors.offsets)
    )
    return Correction(
        offset=covariances @ solved[:, :2],
        gradient=solved[:, :2].T @ scaled,
        unexplained=min(max(unexplained, 0.0), 1.0),
        error_std=error,
        offset_std=offset,
        near=int((some.weights[away[used] < NEAR * LENGTH] > TRUSTED).sum()),
    )


def _covariance(anchors: Anchors, longest: float) -> Array:
    """Return (n, n): the covariances of the anchors' offsets, with noise."""
    noise = (NOISE_STD * longest) ** 2 / _clipped(anchors.weights)
    covariances: Array = kernel(anchors.places, anchors.places, longest) + np.diag(noise)
    return covariances


def _clipped(weights: Array) -> Array:
    return np.maximum(weights, LEAST_WEIGHT)


def _taken(anchors: Anchors, used: Flags) -> Anchors:
    return Anchors(anchors.places[used], anchors.offsets[used], anchors.weights[used])
