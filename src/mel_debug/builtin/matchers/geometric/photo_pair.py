"""The warp field between two photos: a first geometry, refined by warping and matching."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, CellFeatures, centres
from mel_debug.builtin.matchers.geometric.attempts import Attempt
from mel_debug.builtin.matchers.geometric.blob_fits import keep_blobs
from mel_debug.builtin.matchers.geometric.first_geometry import (
    CLEAR_SHARE,
    LEAST_CONFIRMED,
    first_geometry,
)
from mel_debug.builtin.matchers.geometric.found_blobs import FoundBlobs
from mel_debug.builtin.matchers.geometric.photos import Photos
from mel_debug.builtin.matchers.geometric.spot_check import is_contradicted
from mel_debug.builtin.matchers.geometric.variants import Variants
from mel_debug.builtin.matchers.geometric.warp_field import KNOWN_STD, WarpField
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import FeatureMap

LEAST_ROUNDS, MOST_ROUNDS = 2, 3
"""Rounds of warping and matching."""

KNOWN_SHARE = 0.85
"""Share of the cells in view of both photos below which the warp field is grown further, by matches
of flattened photos."""

FLAT_ROUNDS = 4
"""Upper limit of further rounds."""

LEAST_GAIN = 0.02
"""Least relative gain of area by a round, without which no further one follows."""

LEAST_REACH = 4
"""Cells; least search radius from the second round on. Wider than the residuals of right matches,
so that the level of chance differs from theirs."""

CONVERGED = 0.35
"""Cells; the rounds end when the warp field has moved less than this."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cells of a photo; `cell` is the size (x, y) of one in photo pixels."""

    cell: Array


@dataclass(frozen=True, slots=True)
class Beginning:
    """How the search for a geometry began; see `FirstGeometry`."""

    matched: int
    tried: int


@dataclass(frozen=True, slots=True, eq=False)
class PhotoPair:
    """What two photos say about each other, whatever moles are searched.

    `source` has the cells that the warp field counts in, at the size that suits the target's
    resolution. `warp_field` is None if the photos share too little. `places`, (n, 2), and
    `residuals`, (n,), are the matches of the last round: their points in the source and their
    distances from the warp field, in cells. `blobs` are the dark blobs of the source that have been
    searched so far; it grows.
    """

    source: Cells
    target: Cells
    first: Beginning
    warp_field: WarpField | None
    places: Array
    residuals: Array
    blobs: FoundBlobs = field(default_factory=FoundBlobs)

    @property
    def area(self) -> float:
        """The area of the matches in pixels of the source; comparable between its sizes."""
        return len(self.places) * float(self.source.cell.prod())


Provisional = Callable[[PhotoPair], None]
"""What is called with a pair whose warp field is known, but will become better."""


def match_pair(
    source: FeatureMap,
    target: FeatureMap,
    extractor: FeatureExtractor,
    variants: Variants | None = None,
    provisional: Provisional | None = None,
) -> PhotoPair:
    """Fit the warp field from the source photo to the target photo.

    `provisional` gets the pair after each round of matching. Its places are near the final ones: on
    the labelled pair (8 moles, 25 megapixels) within 1.2 px after the first round.
    """
    photos = Photos(source, target, extractor, variants or Variants())
    first = first_geometry(photos)
    a = photos.source_at(1.0) if first.attempt is None else first.attempt.source
    nothing = PhotoPair(
        Cells(a.cell),
        Cells(photos.target_at(1.0).cell),
        Beginning(first.matched, first.tried),
        None,
        np.empty((0, 2)),
        np.empty(0),
    )
    if first.attempt is None:
        return nothing
    provisional = provisional or (lambda _: None)
    if not first.attempt.is_clear(CLEAR_SHARE):
        keep_blobs(first.attempt, photos)
    refined = _refined(nothing, first.attempt, provisional)
    if refined.warp_field is None:
        return refined
    grown = _grown(refined, first.attempt, photos, provisional)
    if grown.warp_field is not None and is_contradicted(
        (source.photo, target.photo),
        grown.warp_field,
        (grown.source.cell, grown.target.cell),
        len(grown.places),
    ):
        return nothing
    return grown


def _refined(pair: PhotoPair, attempt: Attempt, provisional: Provisional) -> PhotoPair:
    """Return the pair with the warp field of an attempt, grown over all that the photos share."""
    a, warp_field = attempt.source, attempt.warp_field
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
        provisional(_matched(pair, warp_field, places, residuals))
        moved = np.linalg.norm(warp_field.displacement(probes) - before, axis=1)
        converged = (warp_field.std(probes) < KNOWN_STD).mean() > 0.9 and np.quantile(
            moved, 0.9
        ) < CONVERGED
        if converged and number + 1 >= LEAST_ROUNDS:
            break
    return _matched(pair, warp_field, places, residuals)


def _grown(
    pair: PhotoPair, attempt: Attempt, photos: Photos, provisional: Provisional
) -> PhotoPair:
    """Return the pair with a warp field that is grown where the photos as they are don't lead.

    `attempt` is the one it was grown from. Light from the side makes skin look different; without
    it, it is more alike.
    """
    target = photos.target_at(1.0)
    if _known_share(attempt.source, target, attempt.warp_field) > KNOWN_SHARE:
        return pair
    warp_field, grown = copy(attempt.warp_field), pair
    source, flat_target = photos.flat_source_like(attempt.source)
    canvas = attempt.canvas.of(flat_target, warp_field)
    for _ in range(FLAT_ROUNDS):
        again = Attempt.of(source, warp_field, canvas, LEAST_REACH)
        if again.confirmed < LEAST_CONFIRMED:
            break
        joined, errors = again.grow()
        before = grown
        grown = _matched(pair, warp_field, again.rematch.source[joined], errors[joined])
        provisional(grown)
        wide = _known_share(source, target, warp_field) > KNOWN_SHARE
        if wide or grown.area < (1 + LEAST_GAIN) * before.area:
            break
    return max(pair, grown, key=lambda each: each.area)


def _matched(pair: PhotoPair, warp_field: WarpField, places: Array, residuals: Array) -> PhotoPair:
    """Return the pair with a warp field and its matches; no blob was searched with that field."""
    return replace(
        pair, warp_field=warp_field, places=places, residuals=residuals, blobs=FoundBlobs()
    )


def _known_share(source: CellFeatures, target: CellFeatures, warp_field: WarpField) -> float:
    """Return the share of the source's cells in view of the target where the field is known."""
    probes = centres(np.argwhere(source.valid)[::37])
    rows, columns = target.valid.shape
    mapped = warp_field(probes)
    seen = ((mapped >= 0) & (mapped < [columns, rows])).all(axis=1)
    return float((warp_field.std(probes[seen]) < KNOWN_STD).mean()) if seen.any() else 1.0
