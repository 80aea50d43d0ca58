"""A warp field that follows the blobs of both photos, and how probable it is that it is right."""

from copy import copy
from dataclasses import dataclass

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, Flags, with_ones
from mel_debug.builtin.matchers.geometric.blob_likelihood import BlobMatches, match_blobs
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.sized_blobs import Blobs, Numbers, pairs_of
from mel_debug.builtin.matchers.geometric.warp_field import WarpField

CELLS = 256
"""Cells of the field along the longer side of a photo, about those of an extractor."""

WITHIN = 0.004
"""Share of the longer side of the closer photo; standard deviation of a blob around its place."""

STEPS = ((0.0025, 0.004), (0.0025, 0.006), (0.0015, 0.006))
"""The same while a field grows, and the standard deviation of the field, as a share of that side,
below which blobs are compared: so far from those that match it is known."""

EXTENDED = 0.03
"""Standard deviation of a field, a share of the longer side, up to which it is extended."""

FAR_STEPS = ((0.0025, 0.012), (0.0015, 0.012), (0.0025, 0.025), (0.0015, 0.025))
"""The same for a map that is likely, whose blobs may be far from each other."""

BEND_STD = 2.5
"""See `WarpField`."""

BEGIN_WEIGHT = 0.9
"""Probability that blobs from which a field begins match."""

MOST_FAR = 250
"""Blobs of the farther photo in view that are compared with those of the closer one."""

ROUNDS, CONVERGED = 14, 0.5
"""Rounds of matching and fitting, and the gain of log likelihood by two of them that ends them."""

SCALED = 40
"""Blobs at which the scale of a field is measured, where it is surest."""

OUT_OF_VIEW = -1.0
"""Where blobs are taken to be that are not compared."""

LEAST_WEIGHT, LEAST_MATCH = 0.3, 0.5
"""Probability from which two blobs that may be the same count in a fit, and from which they are
returned as a match."""

LEAST_FIT = 4
"""Matches below which a field is not fitted."""

LEAST_BLOBS = 8
"""Blobs that match under a warp field below which nothing is said of it."""


@dataclass(frozen=True, slots=True, eq=False)
class GrownMap:
    """A warp field that follows blobs, and those that are the same in both photos under it.

    `field` has `CELLS` along the longer side of each photo; all places are shares of these. `rows`
    and `columns` are the blobs' numbers in the source and the target. `evidence` is the natural
    logarithm of how many times more probable the blobs are under the map than by chance, whatever
    its displacement is. `within` is the standard deviation of a blob of the source around its
    place, as a share of the longer side.
    """

    evidence: float
    field: WarpField
    rows: Numbers
    columns: Numbers
    within: float

    @property
    def pairs(self) -> set[tuple[int, int]]:
        """The rows and columns."""
        return pairs_of(self.rows, self.columns)

    def affine_at(self, place: Array) -> Array:
        """Return the affine map near a place of the source, (3, 2): target = [x y 1] @ map."""
        at = place[np.newaxis] * CELLS
        slopes = self.field.jacobians(at)[0].T
        affine: Array = np.vstack([slopes, self.field(at) / CELLS - place @ slopes])
        return affine

    def known(self, places: Array) -> Flags:
        """Return (n,): at which places of the source it can be extended."""
        known: Flags = self.field.std(places * CELLS) < EXTENDED * CELLS
        return known

    def mapped(self, places: Array) -> Array:
        """Map (n, 2) places of the source."""
        mapped: Array = self.field(places * CELLS) / CELLS
        return mapped

    def inverse(self, places: Array) -> Array:
        """Map (n, 2) places of the target back."""
        back: Array = self.field.inverse(places * CELLS) / CELLS
        return back


def grow(
    affine: Array,
    rows: Numbers,
    columns: Numbers,
    here: Blobs,
    there: Blobs,
    steps: tuple[tuple[float, float], ...] = STEPS,
) -> GrownMap:
    """Bend an affine map, (3, 2) in shares of the longer sides, so that more blobs match.

    It begins with blobs of the source and the target that match, and grows outwards from them.
    """
    cells = np.full(2, float(CELLS))
    base = PlaneMap.from_affine(affine * np.array([[1.0], [1.0], [CELLS]]))
    width, height = np.maximum(1, CELLS * here.extent).astype(int)
    field = WarpField(base, (int(height), int(width)), BEND_STD)
    weights = np.full(len(rows), BEGIN_WEIGHT)
    within = steps[0][0] / max(1.0, np.sqrt(np.linalg.det(affine[:2])))
    found: list[GrownMap] = []
    for std, known in steps:
        likelihoods: list[float] = []
        while True:
            places = here.places[rows] * CELLS
            shifts = base.inverse()(there.places[columns] * CELLS) - places
            field.fit(places, shifts, weights / (within * CELLS) ** 2)
            compared = _Compared.of(field, here, there, (cells, cells), std, known)
            likelihoods.append(compared.matches.likelihood)
            rows, columns = compared.pairs(LEAST_WEIGHT)
            weights, within = compared.weights(LEAST_WEIGHT), compared.within
            if len(rows) < LEAST_FIT or _is_settled(likelihoods):
                break
        evidence = likelihoods[-1] - field.occam_factor()
        kept_within = compared.within * WITHIN / std
        found.append(GrownMap(evidence, copy(field), *compared.pairs(LEAST_MATCH), kept_within))
    return max(found, key=lambda each: each.evidence)


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
        cls,
        field: WarpField,
        here: Blobs,
        there: Blobs,
        cells: tuple[Array, Array],
        within: float = WITHIN,
        known: float = np.inf,
    ) -> "_Compared":
        one, other = cells
        at = here.places * one
        unsure = field.std(at)
        surest = np.argsort(unsure, kind="stable")[:SCALED]
        slopes = np.linalg.det(field.jacobians(at[surest]))
        scale = float(np.sqrt(np.abs(np.median(slopes)) * one.prod() / other.prod()))
        is_far = scale >= 1
        far, close = (here, there) if is_far else (there, here)
        if is_far:
            places: Array = at
            mapped, factor = field(places) / other, scale
        else:
            places = field.inverse(far.places * other)
            mapped, factor, unsure = places / one, 1.0, field.std(places)
        std = unsure * factor / one.max()
        mapped = np.where((std < known)[:, np.newaxis], mapped, OUT_OF_VIEW)
        log_scale = float(abs(np.log(scale)))
        matches = match_blobs(far, close, mapped, np.hypot(within, std), log_scale, MOST_FAR)
        return cls(matches, is_far, within / factor)

    def pairs(self, least: float) -> tuple[Numbers, Numbers]:
        """Return the numbers of blobs of the source and the target that probably match."""
        far, close = self.matches.pairs(least)
        return (far, close) if self.is_far else (close, far)

    def weights(self, least: float) -> Array:
        """Return the probabilities that these match."""
        weights: Array = self.matches.weights[self.matches.weights > least]
        return weights


def _is_settled(likelihoods: list[float]) -> bool:
    """Whether further rounds of fitting hardly change the likelihood."""
    rounds = len(likelihoods)
    return rounds > ROUNDS or (rounds > 4 and abs(likelihoods[-1] - likelihoods[-3]) < CONVERGED)
