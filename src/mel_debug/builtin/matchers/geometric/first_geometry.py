"""The first geometry of two photos: several plane maps, each judged by matching again under it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, CellFeatures, Flags, centres
from mel_debug.builtin.matchers.geometric.canvas import Canvas, Rematch
from mel_debug.builtin.matchers.geometric.correspondences import distinct_matches, mutual_matches
from mel_debug.builtin.matchers.geometric.first_fit import (
    FirstFit,
    affine_fit,
    homography_fit,
    similarity_fit,
)
from mel_debug.builtin.matchers.geometric.keypoints import keypoint_matches
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.warp_field import KNOWN_STD, SHARED_PIXELS, WarpField
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import FeatureMap

CONFIRMED_CELLS = 1.5
"""Cells; a match this close to its predicted position confirms the warp field."""

LEAST_CONFIRMED = 20
"""Matches that must confirm a warp field in every round; with fewer there is none. A floor for
tiny grids, not measured."""

CONFIRMED_SHARE = 0.3
"""Share of matches that must confirm a warp field in the first round, where it is known. Random
matches confirm it at a rate of (CONFIRMED_CELLS / FIRST_REACH) squared, 6 %. In photos of the same
body 66 to 93 % confirmed it (four pairs), in photos of different bodies 5 to 8 % (five pairs)."""

CLEAR_SHARE, FAIR_SHARE = 0.6, 0.4
"""Share of confirming matches from which no other geometry is tried, at first and later."""

CLEAR_CONFIRMED = 60
"""Number of confirming matches from which no other geometry is tried."""

FIRST_REACH = 6
"""Cells; least search radius under a first geometry."""

MOST_PAIRS = 600_000_000
"""Pairs of cells above which mutual matches use only a quarter of the source's cells."""

DISTINCT, DISTINCT_STRIDE = 400, 2
"""Number of distinct matches, and the step between the rows and columns of the source searched."""


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """A first geometry, and the matches of source and target under it.

    `sure` are the matches, (n,), where the warp field is known, `confirming` those that agree.
    """

    warp_field: WarpField
    canvas: Canvas
    rematch: Rematch
    sure: Flags
    confirming: Flags

    @property
    def confirmed(self) -> int:
        """Number of matches that confirm the warp field."""
        return int(self.confirming.sum())

    @property
    def share(self) -> float:
        """Their share of the matches where the warp field is known."""
        return self.confirmed / max(1, int(self.sure.sum()))


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """Two photos with their features, and the extractor of these."""

    source: FeatureMap
    target: FeatureMap
    extractor: FeatureExtractor
    a: CellFeatures
    b: CellFeatures

    @classmethod
    def of(cls, source: FeatureMap, target: FeatureMap, extractor: FeatureExtractor) -> "Views":
        return cls(source, target, extractor, CellFeatures.of(source), CellFeatures.of(target))


def first_geometry(views: Views) -> tuple[Attempt | None, int]:
    """Return the attempt that most matches confirm, and the most inliers of any plane map.

    There is no attempt if nothing is confirmed. Kinds of matches that cost more are only tried
    while cheaper ones do not lead to a clear result.
    """
    best: Attempt | None = None
    most = 0
    for fits, enough in (
        (_fits_of_mutual, CLEAR_SHARE),
        (_fits_of_distinct, FAIR_SHARE),
        (_fits_of_keypoints, 0.0),
    ):
        for fit in fits(views):
            most = max(most, fit.count)
            attempt = attempt_of(fit, views)
            confirmed = attempt.confirmed if attempt.share >= CONFIRMED_SHARE else 0
            if confirmed >= max(LEAST_CONFIRMED, best.confirmed + 1 if best else 0):
                best = attempt
        if best and best.share >= enough and best.confirmed >= CLEAR_CONFIRMED:
            break
    return best, most


def attempt_of(fit: FirstFit, views: Views) -> Attempt:
    """Begin a warp field with the inliers of a fit and match again under it."""
    warp_field = WarpField(fit.map, views.a.valid.shape)
    shifts = fit.map.inverse()(fit.target) - fit.source
    warp_field.grow(fit.source, shifts, fit.inliers, shared_pixels=fit.shared_pixels)
    middle = np.median(fit.source[fit.inliers], axis=0)
    canvas = Canvas(views.target.photo, views.b, warp_field, middle, views.extractor)
    rematch = canvas.rematch(views.a, FIRST_REACH)
    return Attempt(warp_field, canvas, rematch, *judged(warp_field, rematch))


def judged(warp_field: WarpField, rematch: Rematch) -> tuple[Flags, Flags]:
    """Return which matches lie where the warp field is known, and which of these confirm it."""
    sure: Flags = warp_field.std(rematch.source) < KNOWN_STD
    confirming: Flags = sure & (rematch.gap < CONFIRMED_CELLS)
    return sure, confirming


def _fits_of_mutual(views: Views) -> Iterator[FirstFit]:
    """The affine map of mutual nearest neighbours, of all cells if memory and time allow."""
    a, b = views.a, views.b
    pairs = int(a.valid.sum()) * int(b.valid.sum())
    cells = _every(a.valid, 1 if pairs <= MOST_PAIRS else 2)
    i, k = mutual_matches(a.vectors[cells], b.vectors[b.valid])
    source, target = centres(np.argwhere(cells)[i]), centres(np.argwhere(b.valid)[k])
    yield from _fits(source, target, (affine_fit,), SHARED_PIXELS)


def _fits_of_distinct(views: Views) -> Iterator[FirstFit]:
    """Maps of the matches that stand out most from their rivals."""
    a, b = views.a, views.b
    cells = _every(a.valid, DISTINCT_STRIDE)
    i, there = distinct_matches(a.vectors[cells], b.vectors, b.valid, DISTINCT)
    source, target = centres(np.argwhere(cells)[i]), centres(there)
    yield from _fits(source, target, (affine_fit, homography_fit), SHARED_PIXELS)


def _fits_of_keypoints(views: Views) -> Iterator[FirstFit]:
    """Maps of keypoints; those of neighbouring ones share few pixels."""
    source, target = keypoint_matches(views.source, views.target)
    yield from _fits(source, target, (homography_fit, affine_fit, similarity_fit), 1.0)


def _every(valid: Flags, step: int) -> Flags:
    some = np.zeros_like(valid)
    some[::step, ::step] = valid[::step, ::step]
    return some


Fit = Callable[[Array, Array], tuple[PlaneMap, Flags] | None]


def _fits(
    source: Array, target: Array, kinds: tuple[Fit, ...], shared_pixels: float
) -> Iterator[FirstFit]:
    for kind in kinds:
        found = kind(source, target)
        if found is not None:
            yield FirstFit(source, target, found[1], found[0], shared_pixels)
