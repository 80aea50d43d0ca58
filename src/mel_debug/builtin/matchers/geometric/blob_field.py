"""A warp field that follows the blobs of both photos, and how probable it is that it is right."""

from dataclasses import dataclass

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, with_ones
from mel_debug.builtin.matchers.geometric.blob_likelihood import BlobMatches, match_blobs
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.sized_blobs import Blobs, Numbers
from mel_debug.builtin.matchers.geometric.warp_field import WarpField

CELLS = 256
"""Cells of the field along the longer side of a photo, about those of an extractor."""

WITHIN = 0.004
"""Share of the longer side of the closer photo; standard deviation of a blob around its place."""

MOST_FAR = 250
"""Blobs of the farther photo in view that are compared with those of the closer one."""

ROUNDS, CONVERGED = 10, 0.5
"""Rounds of matching and fitting, and the gain of log likelihood by two of them that ends them."""

SCALED = 100
"""Blobs at which the scale of a field is measured."""

LEAST_WEIGHT, LEAST_MATCH = 0.01, 0.5
"""Probability from which two blobs that may be the same count in a fit, and from which they are
returned as a match."""

LEAST_BLOBS = 8
"""Blobs that match under a warp field below which nothing is said of it."""


@dataclass(frozen=True, slots=True, eq=False)
class GrownMap:
    """Blobs of two photos that are the same.

    `rows` and `columns` are their numbers in the source and the target. `evidence` is the natural
    logarithm of how many times more probable the blobs are under the map than by chance, whatever
    its displacement is. `within` is the standard deviation of a blob of the source around its
    place, as a share of the longer side.
    """

    evidence: float
    rows: Numbers
    columns: Numbers
    within: float


def grow(affine: Array, rows: Numbers, columns: Numbers, here: Blobs, there: Blobs) -> GrownMap:
    """Bend an affine map, (3, 2) in shares of the longer sides, so that more blobs match.

    It begins with blobs of the source and the target that match, and grows outwards from them.
    """
    cells = np.full(2, float(CELLS))
    scaled = affine * np.array([[1.0], [1.0], [CELLS]])
    base = PlaneMap.from_affine(scaled)
    width, height = np.maximum(1, CELLS * here.extent).astype(int)
    field = WarpField(base, (int(height), int(width)))
    places = here.places[rows] * CELLS
    shifts = base.inverse()(there.places[columns] * CELLS) - places
    field.grow(places, shifts, np.ones(len(rows), dtype=bool), shared_pixels=1.0)
    before: list[float] = []
    while True:
        compared = _Compared.of(field, here, there, (cells, cells))
        likelihood = compared.matches.likelihood
        before.append(likelihood)
        rows, columns = compared.pairs(LEAST_WEIGHT)
        if (
            not len(rows)
            or len(before) > ROUNDS
            or (len(before) > 3 and abs(likelihood - before[-3]) < CONVERGED)
        ):
            break
        places = here.places[rows] * CELLS
        shifts = base.inverse()(there.places[columns] * CELLS) - places
        weights = compared.matches.weights
        field.fit(places, shifts, weights[weights > LEAST_WEIGHT] / (compared.within * CELLS) ** 2)
    evidence = likelihood - field.occam_factor()
    return GrownMap(evidence, *compared.pairs(LEAST_MATCH), compared.within)


def blobs_under(
    field: WarpField, here: Blobs, there: Blobs, cells: tuple[Array, Array]
) -> GrownMap | None:
    """Return the blobs that match under a warp field and where these lead; None if few do.

    `cells` are the numbers (x, y) of cells along the longer side of the source and the target.
    """
    if min(len(here), len(there)) < LEAST_BLOBS:
        return None
    rows, columns = _Compared.of(field, here, there, cells).pairs(LEAST_MATCH)
    if len(rows) < LEAST_BLOBS:
        return None
    places, targets = here.places[rows], there.places[columns]
    affine = np.linalg.lstsq(with_ones(places), targets, rcond=None)[0]
    if np.linalg.det(affine[:2]) <= 0:
        return None
    return grow(affine, rows, columns, here, there)


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """The blobs under a field; `is_far` is whether the source is the photo from farther away.

    `within` is the standard deviation of a blob of the source around its place, as a share of the
    longer side.
    """

    matches: BlobMatches
    is_far: bool
    within: float

    @classmethod
    def of(
        cls, field: WarpField, here: Blobs, there: Blobs, cells: tuple[Array, Array]
    ) -> "_Compared":
        one, other = cells
        slopes = np.linalg.det(field.jacobians(here.places[:SCALED] * one))
        scale = float(np.sqrt(np.abs(np.median(slopes)) * one.prod() / other.prod()))
        is_far = scale >= 1
        far, close = (here, there) if is_far else (there, here)
        if is_far:
            places: Array = far.places * one
            mapped, factor = field(places) / other, scale
        else:
            places = field.inverse(far.places * other)
            mapped, factor = places / one, 1.0
        std = np.hypot(WITHIN, field.std(places) * factor / one.max())
        log_scale = float(abs(np.log(scale)))
        matches = match_blobs(far, close, mapped, std, log_scale, MOST_FAR)
        return cls(matches, is_far, WITHIN / factor)

    def pairs(self, least: float) -> tuple[Numbers, Numbers]:
        """Return the numbers of blobs of the source and the target that probably match."""
        far, close = self.matches.pairs(least)
        return (far, close) if self.is_far else (close, far)
