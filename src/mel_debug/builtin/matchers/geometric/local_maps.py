"""Affine maps of small regions of skin: over these it hardly bends, however a body turns.

A rough map of whole photos leads from each region's blobs to about the right places; expectation
maximisation decides which blobs of both photos are the same, and fits the region's map to them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, with_ones
from mel_debug.builtin.matchers.geometric.blob_likelihood import BlobMatches, match_blobs
from mel_debug.builtin.matchers.geometric.sized_blobs import Blobs, Numbers

RADIUS, LEAST_BLOBS = 0.16, 8
"""Share of the longer side of the farther photo: the radius of a region; and the blobs that it has
at least, where there are few."""

APART, MOST_REGIONS = 0.08, 14
"""Least distance between the centres of two regions, and how many there are."""

CENTRES, COMPARED = 200, 250
"""Blobs of the farther photo that may be at the centre of a region, and blobs of each photo that
are compared."""

WITHIN = (0.012, 0.009, 0.006, 0.004, 0.003)
"""Shares of the longer side of the closer photo: standard deviations of a blob around its place in
each round."""

PRIOR_BLOBS, PRIOR_RADIUS = 3.0, 0.02
"""Blobs and their distance from the centre, a share of the longer side, that would hold the map's
slopes as firmly as they are held to those before each round."""

LEAST_FIT, MOST_ANISOTROPY = 4.0, 6.0
"""Matches below which a map is not fitted, and the largest ratio of its scales."""

LEAST_WEIGHT = 0.5
"""Probability from which two blobs are taken for the same."""


@dataclass(frozen=True, slots=True, eq=False)
class LocalMap:
    """A region's affine map, (3, 2) in shares of the longer sides: there = [x y 1] @ `affine`.

    `rows` and `columns` are the numbers of the blobs that match, of the photo that is mapped and of
    the other one, and `likelihood` is that of all blobs in the region; see `BlobMatches`.
    """

    affine: Array
    rows: Numbers
    columns: Numbers
    likelihood: float

    def inverse(self) -> "LocalMap":
        """Return the same map from the other photo."""
        return LocalMap(inverse_of(self.affine), self.columns, self.rows, self.likelihood)


def local_maps(
    rough: Callable[[Array], Array], places: Array, far: Blobs, close: Blobs
) -> Iterator[LocalMap]:
    """Yield the maps, from the farther photo, of the regions in which enough blobs match.

    `rough` returns the affine map, (3, 2), from which to begin at a place of the farther photo, and
    `places`, (n, 2), are those where it is known and in view of the closer one.
    """
    compared, others = far.first(COMPARED), close.first(COMPARED)
    for centre in _spread(places):
        inside = _around(centre, compared.places)
        if found := _local_map(rough(centre), centre, compared.some(inside), others):
            fitted, matches = found
            rows, columns = matches.pairs(LEAST_WEIGHT)
            yield LocalMap(fitted, inside[rows], columns, matches.likelihood)


def _around(centre: Array, places: Array) -> Numbers:
    """Return the numbers of the places in a region."""
    away = np.hypot(*(places - centre).T)
    reach = np.sort(away)[min(LEAST_BLOBS, len(away)) - 1]
    return np.flatnonzero(away <= max(RADIUS, reach))


def _spread(places: Array) -> Iterator[Array]:
    """Yield places far from each other, each the farthest from those before."""
    apart = np.full(len(places), np.inf)
    for _ in range(min(MOST_REGIONS, len(places))):
        farthest = int(apart.argmax())
        if apart[farthest] < APART:
            return
        yield places[farthest]
        apart = np.minimum(apart, np.hypot(*(places - places[farthest]).T))


def _local_map(
    affine: Array, centre: Array, far: Blobs, close: Blobs
) -> tuple[Array, BlobMatches] | None:
    """Return a region's map and the blobs that match under it; None if few do."""
    if np.linalg.det(affine[:2]) <= 0:
        return None
    for within in WITHIN:
        log_scale = float(np.log(np.linalg.det(affine[:2]))) / 2
        std = np.full(len(far), within)
        matches = match_blobs(far, close, with_ones(far.places) @ affine, std, log_scale, len(far))
        if matches.weights.sum() < LEAST_FIT:
            return None
        if within == WITHIN[-1]:
            break
        affine = _fitted(affine, centre, far.places[matches.far], close.places[matches.close],
                         matches.weights)  # fmt: skip
        long, short = np.linalg.svd(affine[:2], compute_uv=False)
        if np.linalg.det(affine[:2]) <= 0 or long > MOST_ANISOTROPY * short:
            return None
    return affine, matches


def _fitted(affine: Array, centre: Array, far: Array, close: Array, weights: Array) -> Array:
    """Return the affine map of weighted least squares whose slopes are held to those before."""
    around = with_ones(far - centre)
    held = np.diag([PRIOR_BLOBS * PRIOR_RADIUS**2] * 2 + [0.0])
    before = np.vstack([affine[:2], with_ones(centre[np.newaxis]) @ affine])
    normal = around.T @ (around * weights[:, np.newaxis]) + held
    sides = around.T @ (close * weights[:, np.newaxis]) + held @ before
    slopes_and_place = np.linalg.solve(normal, sides)
    slopes = slopes_and_place[:2]
    return np.vstack([slopes, slopes_and_place[2] - centre @ slopes])


def inverse_of(affine: Array) -> Array:
    """Return the inverse of an affine map, (3, 2)."""
    inverse: Array = np.linalg.inv(np.column_stack([affine, [0.0, 0.0, 1.0]]))[:, :2]
    return inverse
