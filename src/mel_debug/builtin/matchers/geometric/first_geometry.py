"""The first geometry of two photos: several plane maps, each judged by matching again under it.

Cheap kinds of matches come first: mutual nearest neighbours; these, the arrangement of dark blobs,
also between an overview and a close-up, distinct matches and keypoints of flattened photos, which a
shadow that moves does not mislead; distinct matches and keypoints of the photos as they are; then
mutual ones of one photo at several sizes. Once a geometry is confirmed, the number of matchings is
limited.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, Flags, centres
from mel_debug.builtin.matchers.geometric.attempts import (
    PROMISING_SHARE,
    SECOND_TRIES,
    Attempt,
    attempt_of,
)
from mel_debug.builtin.matchers.geometric.blob_fits import (
    fits_of_blobs,
    fits_of_close_ups,
    spots_confirm,
)
from mel_debug.builtin.matchers.geometric.correspondences import distinct_matches
from mel_debug.builtin.matchers.geometric.first_fit import (
    CONFIRMED_SHARE,
    INLIER_CELLS,
    FirstFit,
    affine_fit,
    homography_fit,
    similarity_fit,
)
from mel_debug.builtin.matchers.geometric.keypoints import FLAT_LONGEST, LONGEST, keypoint_matches
from mel_debug.builtin.matchers.geometric.photos import SMALLER, Photos, every
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.warp_field import KNOWN_STD, SHARED_PIXELS

LEAST_CONFIRMED = 20
"""Matches that must confirm a warp field in every round; with fewer there is none. A floor for
tiny grids, not measured."""

CLEAR_SHARE, FAIR_SHARE = 0.6, 0.4
"""Share of confirming matches from which no other geometry is tried, and from which no other kind
of matches is tried after the first ones."""

AGREED_SHARE, AGREED_KNOWN = 0.8, 0.5
"""Share of a fit's inliers that an attempt predicts from which the two agree, and least share of
them where its warp field is known."""

SURE_AGREED = 0.5
"""The same share for an attempt that may replace one of a sure arrangement of blobs, some of whose
matches are wrong. One that is known in a small region only, where it confirms itself or a shadow,
took its place in one of 12 hard pairs: 4 of 14 moles were found instead of 11."""

MOST_JUDGED = 12
"""Matchings under first geometries from which on no further one is tried if one is confirmed. On
photos of 3 megapixels each takes about 1.1 s of a search of 12 to 35 s."""

LEAST_INLIERS = 10
"""Inliers below which the map of dense matches is not judged."""

DISTINCT, DISTINCT_STRIDE = 400, 2
"""Number of distinct matches, and the step between the rows and columns of the source searched.
All of these are among the cells that `Photos.compared` compares."""

Fit = Callable[[Array, Array], tuple[PlaneMap, Flags] | None]


@dataclass(frozen=True, slots=True)
class FirstGeometry:
    """The attempt with the largest confirmed area, weighted by its share of confirming matches.

    `attempt` is None if none is confirmed.

    `matched` is the largest number of matches that fit one plane map, and `tried` the number of
    plane maps that were judged.
    """

    attempt: Attempt | None
    matched: int
    tried: int


@dataclass(slots=True)
class Best:
    """The best attempts so far, of the photos as they are and of flattened ones.

    `agreed` is whether matches of flattened photos agree with that of the photos as they are: then
    it is none of shadows. `sure` is the first fit that was confirmed and is right whatever features
    say; no attempt that contradicts it is kept.
    """

    lit: Attempt | None = None
    flat: Attempt | None = None
    agreed: bool = False
    sure: FirstFit | None = None

    @property
    def any(self) -> Attempt | None:
        """The one that is worth more."""
        some = [each for each in (self.lit, self.flat) if each]
        return max(some, key=lambda each: each.worth, default=None)

    @property
    def is_fair(self) -> bool:
        """Whether that of the photos as they are is fair."""
        return self.lit is not None and self.lit.is_clear(FAIR_SHARE)

    @property
    def is_confirmed(self) -> bool:
        """Whether one is confirmed without the help of an arrangement of blobs."""
        return self.any is not None and self.any.share >= CONFIRMED_SHARE

    def of(self, flat: bool) -> Attempt | None:
        """The one of the photos as they are or of flattened ones."""
        return self.flat if flat else self.lit

    def make_sure(self, fit: FirstFit, photos: Photos) -> None:
        """Use a sure fit, if it is the first one, and forget the attempts that contradict it."""
        if self.sure:
            return
        self.sure = fit
        if self.lit and not agrees(fit, self.lit, photos, SURE_AGREED):
            self.lit, self.agreed = None, False
        if self.flat and not agrees(fit, self.flat, photos, SURE_AGREED):
            self.flat = None

    def improve(self, attempt: Attempt, flat: bool) -> bool:
        """Use an attempt if it is worth more than the one before; return whether it is."""
        before = self.of(flat)
        if before and attempt.worth <= before.worth:
            return False
        if flat:
            self.flat = attempt
        else:
            self.lit, self.agreed = attempt, False
        return True


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of matches, and when it is used.

    `is_flat` is whether of flattened photos, `enough` the share of confirming matches from which no
    further kind is tried. It is not tried if what is known before makes it `needless`.
    """

    fits: Callable[[Photos], Iterator[FirstFit]]
    is_flat: bool
    enough: float = FAIR_SHARE
    needless: Callable[[Best], bool] = lambda _: False


def first_geometry(photos: Photos) -> FirstGeometry:
    """Try plane maps and return the best one.

    Kinds of matches that cost more are only tried while cheaper ones do not lead to a clear result.
    """
    best = Best()
    most = tried = judged = 0
    for kind in KINDS:
        if kind.needless(best):
            continue
        used = photos.flat() if kind.is_flat else photos
        for fit in kind.fits(used):
            if best.any and judged >= MOST_JUDGED:
                return FirstGeometry(best.any, most, tried)
            most, tried = max(most, fit.count), tried + 1
            best.agreed |= kind.is_flat and best.lit is not None and agrees(fit, best.lit, photos)
            attempt = attempt_of(fit, used, 1 if best.is_fair else SECOND_TRIES)
            judged += attempt.judged
            confirmed = attempt.confirmed if _is_confirmed(attempt, fit, photos) else 0
            if confirmed >= LEAST_CONFIRMED and fit.sure_std is not None:
                best.make_sure(fit, photos)
            elif best.sure and not agrees(best.sure, attempt, photos, SURE_AGREED):
                continue
            if (
                confirmed >= LEAST_CONFIRMED
                and best.improve(attempt, kind.is_flat)
                and attempt.is_clear(CLEAR_SHARE)
            ):
                return FirstGeometry(attempt, most, tried)
        # A clear geometry of flattened photos is not compared with those of the photos as they are:
        # where shadows move together, the latter confirm the shadows.
        fair = best.of(kind.is_flat)
        if fair and fair.is_clear(kind.enough):
            return FirstGeometry(fair, most, tried)
    return FirstGeometry(best.any, most, tried)


def _is_confirmed(attempt: Attempt, fit: FirstFit, photos: Photos) -> bool:
    """Whether enough matches confirm an attempt, or some of them and the dark spots."""
    if attempt.share >= fit.least:
        return True
    return attempt.share >= PROMISING_SHARE and spots_confirm(attempt, photos, fit.rival)


def agrees(fit: FirstFit, attempt: Attempt, photos: Photos, least: float = AGREED_SHARE) -> bool:
    """Whether an attempt predicts this share of a fit's inliers, and is known at enough of them.

    Both are of the same photos, flattened or not.
    """
    here = fit.source[fit.inliers] * (photos.source_at(1.0).cell / attempt.source.cell)
    there = fit.target[fit.inliers]
    known = attempt.warp_field.std(here) < KNOWN_STD
    if known.sum() < max(min(LEAST_INLIERS, len(known)), AGREED_KNOWN * len(known)):
        return False
    here, there = here[known], there[known]
    scale = np.sqrt(np.abs(np.linalg.det(attempt.warp_field.jacobians(here))))
    gap = np.linalg.norm(attempt.warp_field(here) - there, axis=1)
    return bool((gap < INLIER_CELLS * np.maximum(1.0, scale)).mean() >= least)


def _fits_of_mutual(photos: Photos) -> Iterator[FirstFit]:
    """The affine map of mutual nearest neighbours."""
    yield from _mutual(photos, 1.0, 1.0)


def _fits_of_sizes(photos: Photos) -> Iterator[FirstFit]:
    """The same with one of the photos at smaller sizes."""
    for size in SMALLER:
        yield from _mutual(photos, 1.0, size)
        yield from _mutual(photos, size, 1.0)


def _fits_of_distinct(photos: Photos) -> Iterator[FirstFit]:
    """Maps of the matches that stand out most from their rivals."""
    a, b = photos.source_at(1.0), photos.target_at(1.0)
    compared_cells, compared = photos.compared(1.0, 1.0)
    cells, there = every(a.valid, DISTINCT_STRIDE), np.argwhere(b.valid)
    some = compared[np.flatnonzero(cells[compared_cells])]
    i, k = distinct_matches(a.vectors[cells], b.vectors[b.valid], there, DISTINCT, some)
    source, target = centres(np.argwhere(cells)[i]), centres(there[k])
    yield from _fits(source, target, (affine_fit, homography_fit), LEAST_INLIERS, SHARED_PIXELS)


def _fits_of_keypoints(photos: Photos) -> Iterator[FirstFit]:
    """Maps of keypoints; neighbouring ones share few pixels."""
    longest = FLAT_LONGEST if photos.is_flat else LONGEST
    source, target = keypoint_matches(photos.source, photos.target, longest, photos.variants)
    yield from _fits(source, target, (homography_fit, affine_fit, similarity_fit), 0, 1.0)


KINDS = (
    Kind(_fits_of_mutual, False, enough=CLEAR_SHARE),
    Kind(_fits_of_mutual, True, enough=CLEAR_SHARE),
    Kind(fits_of_blobs, True),
    Kind(fits_of_close_ups, True, needless=lambda best: best.any is not None),
    Kind(_fits_of_distinct, True),
    Kind(_fits_of_keypoints, True, needless=lambda best: best.is_fair and best.agreed),
    Kind(_fits_of_distinct, False, needless=lambda best: best.is_fair and best.agreed),
    Kind(_fits_of_keypoints, False, needless=lambda best: best.is_confirmed),
    Kind(_fits_of_sizes, False, needless=lambda best: best.any is not None),
)
"""Kinds of matches in the order in which they are tried."""


def _mutual(photos: Photos, source_size: float, target_size: float) -> Iterator[FirstFit]:
    """The affine map between two sizes, of all cells if memory and time allow."""
    a, b = photos.source_at(source_size), photos.target_at(target_size)
    cells, compared = photos.compared(source_size, target_size)
    mutual, choice = compared.mutual, compared.choice
    source = centres(np.argwhere(cells)[mutual])
    target = centres(np.argwhere(b.valid)[choice[mutual]])
    source = source * (a.cell / photos.source_at(1.0).cell)
    target = target * (b.cell / photos.target_at(1.0).cell)
    yield from _fits(source, target, (affine_fit,), LEAST_INLIERS, SHARED_PIXELS)


def _fits(
    source: Array, target: Array, kinds: tuple[Fit, ...], least: int, shared_pixels: float
) -> Iterator[FirstFit]:
    """The plausible maps of several kinds, each only once."""
    known: list[Array] = []
    for kind in kinds:
        found = kind(source, target)
        if found is None or found[1].sum() < least:
            continue
        fitted, inliers = found
        if not any(np.allclose(fitted.matrix, other) for other in known):
            known.append(fitted.matrix)
            yield FirstFit(source, target, inliers, fitted, shared_pixels)
