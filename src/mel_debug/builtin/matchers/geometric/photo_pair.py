"""The warp field between two photos: a first geometry, refined by warping and matching."""

from dataclasses import dataclass, field
from weakref import ReferenceType, ref

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, CellFeatures, centres
from mel_debug.builtin.matchers.geometric.first_geometry import (
    LEAST_CONFIRMED,
    Attempt,
    FirstGeometry,
    first_geometry,
)
from mel_debug.builtin.matchers.geometric.photos import Photos
from mel_debug.builtin.matchers.geometric.warp_field import KNOWN_STD, WarpField
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import FeatureMap

LEAST_ROUNDS, MOST_ROUNDS = 2, 3
"""Rounds of warping and matching."""

LEAST_REACH = 4
"""Cells; least search radius from the second round on. Wider than the residuals of right matches,
so that the level of chance differs from theirs."""

CONVERGED = 0.35
"""Cells; the rounds end when the warp field has moved less than this."""


MOST_PAIRS = 2
"""Pairs that a matcher retains: two photos, both ways."""


@dataclass(frozen=True, slots=True, eq=False)
class PhotoPair:
    """The features of two photos and the warp field from source to target, if they share enough.

    The source's features are at the size that suits the target's resolution. `warp_field` is None
    if the photos share too little. `first` is how the search for it began. `places`, (n, 2), and
    `residuals`, (n,), are the matches of the last round: their points in the source and their
    distances from the warp field, in cells.
    """

    source: CellFeatures
    target: CellFeatures
    first: FirstGeometry
    warp_field: WarpField | None
    places: Array
    residuals: Array


@dataclass(slots=True, eq=False)
class RecentPairs:
    """The last few pairs of photos, so that each further mole of a pair needs no new warp field.

    Feature maps are recognised by their vectors, which must not change, and are not kept alive.
    """

    _pairs: list[tuple[ReferenceType[Array], ReferenceType[Array], PhotoPair]] = field(
        default_factory=list
    )

    def of(self, source: FeatureMap, target: FeatureMap, extractor: FeatureExtractor) -> PhotoPair:
        """See `match_pair`."""
        for one, other, pair in self._pairs:
            if one() is source.vectors and other() is target.vectors:
                return pair
        pair = match_pair(source, target, extractor)
        latest = ref(source.vectors), ref(target.vectors), pair
        self._pairs = [latest, *(each for each in self._pairs if each[0]() is not None)]
        del self._pairs[MOST_PAIRS:]
        return pair


def match_pair(source: FeatureMap, target: FeatureMap, extractor: FeatureExtractor) -> PhotoPair:
    """Fit the warp field from the source photo to the target photo."""
    photos = Photos(source, target, extractor)
    first = first_geometry(photos)
    a = photos.source_at(1.0) if first.attempt is None else first.attempt.source
    nothing = PhotoPair(a, photos.target_at(1.0), first, None, np.empty((0, 2)), np.empty(0))
    return nothing if first.attempt is None else _refined(nothing, first.attempt)


def _refined(pair: PhotoPair, attempt: Attempt) -> PhotoPair:
    """Return the pair with the warp field of an attempt, grown over all that the photos share."""
    a, warp_field = pair.source, attempt.warp_field
    probes = centres(np.argwhere(a.valid)[::37])
    places, residuals = pair.places, pair.residuals
    for number in range(MOST_ROUNDS):
        before = warp_field.displacement(probes)
        if number:
            attempt = Attempt.of(a, warp_field, attempt.canvas, LEAST_REACH)
        if attempt.confirmed < LEAST_CONFIRMED:
            return pair
        joined, errors = attempt.grow()
        places, residuals = attempt.rematch.source[joined], errors[joined]
        moved = np.linalg.norm(warp_field.displacement(probes) - before, axis=1)
        converged = (warp_field.std(probes) < KNOWN_STD).mean() > 0.9 and np.quantile(
            moved, 0.9
        ) < CONVERGED
        if converged and number + 1 >= LEAST_ROUNDS:
            break
    return PhotoPair(a, pair.target, pair.first, warp_field, places, residuals)
