"""The first geometry of two photos: several plane maps, each judged by matching again under it.

Cheap kinds of matches come first: mutual nearest neighbours; these, the arrangement of dark blobs,
keypoints and distinct matches of flattened photos, which a shadow that moves does not mislead; the
latter of the photos as they are; then mutual ones of one photo at several sizes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, CellFeatures, Flags, centres
from mel_debug.builtin.matchers.geometric.canvas import Canvas, Rematch
from mel_debug.builtin.matchers.geometric.constellation import blob_matches
from mel_debug.builtin.matchers.geometric.correspondences import distinct_matches
from mel_debug.builtin.matchers.geometric.first_fit import (
    FirstFit,
    affine_fit,
    homography_fit,
    is_plausible,
    similarity_fit,
)
from mel_debug.builtin.matchers.geometric.keypoints import FLAT_LONGEST, LONGEST, keypoint_matches
from mel_debug.builtin.matchers.geometric.photos import SMALLER, Photos, every
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.warp_field import KNOWN_STD, SHARED_PIXELS, WarpField

CONFIRMED_CELLS = 1.5
"""Cells; a match this close to its predicted position confirms the warp field."""

LEAST_CONFIRMED = 20
"""Matches that must confirm a warp field in every round; with fewer there is none. A floor for
tiny grids, not measured."""

CONFIRMED_SHARE = 0.3
"""Share of matches that must confirm a warp field in the first round, where it is known. Random
matches confirm it at a rate of (CONFIRMED_CELLS / FIRST_REACH) squared, 6 %. In photos of the same
body 66 to 93 % confirmed it (four pairs), in photos of different bodies 5 to 8 % (five pairs)."""

CONFIRMED_BLOBS_SHARE = 0.15
"""The same of maps of blobs, whose arrangement is evidence of its own: more than twice as much as
in photos of different bodies. Right maps of hard generated pairs had 0.16 and more, wrong ones 0.08
at most."""

PROMISING_SHARE, SECOND_TRIES = 0.1, 2
"""Share of confirming matches from which a geometry that is not confirmed is refined and judged
again, and how often."""

CLEAR_SHARE, FAIR_SHARE = 0.6, 0.4
"""Share of confirming matches from which no other geometry is tried, and from which no other kind
of matches is tried after the first ones."""

CLEAR_CONFIRMED = 60
"""Number of confirming matches from which no other geometry is tried."""

LEAST_INLIERS = 10
"""Inliers below which the map of dense matches is not judged."""

FIRST_REACH = 6
"""Cells; least search radius under a first geometry."""

DISTINCT, DISTINCT_STRIDE = 400, 2
"""Number of distinct matches, and the step between the rows and columns of the source searched.
All of these are among the cells that `Photos.compared` compares."""

Fit = Callable[[Array, Array], tuple[PlaneMap, Flags] | None]

Kind = tuple[Callable[[Photos], Iterator[FirstFit]], bool, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """A first geometry, and the matches of source and target under it.

    `source` are the source's features at the size that suits the target's resolution. `sure` are
    the matches, (n,), where the warp field is known, `confirming` those that agree. `at_first` is
    the number of matches where the field was known when it was first judged.
    """

    source: CellFeatures
    warp_field: WarpField
    canvas: Canvas
    rematch: Rematch
    sure: Flags
    confirming: Flags
    at_first: int

    @classmethod
    def of(
        cls,
        source: CellFeatures,
        warp_field: WarpField,
        canvas: Canvas,
        least_reach: float,
        at_first: int | None = None,
    ) -> "Attempt":
        """Match again under a warp field, within at least `least_reach` cells of its places.

        `at_first` is that of an earlier attempt.
        """
        rematch = canvas.rematch(source, least_reach)
        sure: Flags = warp_field.std(rematch.source) < KNOWN_STD
        confirming: Flags = sure & (rematch.gap < CONFIRMED_CELLS)
        first = int(sure.sum()) if at_first is None else at_first
        return cls(source, warp_field, canvas, rematch, sure, confirming, first)

    def grow(self) -> tuple[Flags, Array]:
        """Grow the warp field by the matches; see `WarpField.grow` for what is returned."""
        here, there = self.rematch.source, self.rematch.target
        begin = self.sure & (self.rematch.gap < CONFIRMED_CELLS + 2 * self.warp_field.std(here))
        shifts = there + self.warp_field.displacement(there) - here
        return self.warp_field.grow(here, shifts, begin, reach=self.rematch.reach)

    @property
    def confirmed(self) -> int:
        """Number of matches that confirm the warp field."""
        return int(self.confirming.sum())

    @property
    def worth(self) -> float:
        """The confirmed area in source pixels, times the share of confirming matches.

        The area is comparable between sizes of the source. The share speaks against a geometry of
        shadows, which may confirm more matches than that of the skin, but at a smaller share.
        """
        return self.confirmed * float(self.source.cell.prod()) * self.share

    @property
    def share(self) -> float:
        """Share of the matches that confirm the warp field, of those where it is known.

        It counts as known for at least two thirds of those at first, so that little is confirmed
        by giving up all that disagrees.
        """
        return self.confirmed / max(1, int(self.sure.sum()), 2 * self.at_first // 3)

    def is_clear(self, share: float) -> bool:
        """Whether at least this share of the matches confirms it, and enough of them."""
        return self.share >= share and self.confirmed >= CLEAR_CONFIRMED


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


def first_geometry(photos: Photos) -> FirstGeometry:
    """Try plane maps and return the best one.

    Kinds of matches that cost more are only tried while cheaper ones do not lead to a clear result.
    """
    best: dict[bool, Attempt] = {}
    most = tried = 0
    for kind, flat, least, enough in KINDS:
        if best and kind in LAST_RESORTS:
            break
        used = photos.flat() if flat else photos
        for fit in kind(used):
            most, tried = max(most, fit.count), tried + 1
            attempt = attempt_of(fit, used)
            confirmed = attempt.confirmed if attempt.share >= least else 0
            if confirmed >= LEAST_CONFIRMED and (
                flat not in best or attempt.worth > best[flat].worth
            ):
                best[flat] = attempt
                if attempt.is_clear(CLEAR_SHARE):
                    return FirstGeometry(attempt, most, tried)
        # A clear geometry of flattened photos is not compared with those of the photos as they are:
        # where shadows move together, the latter confirm the shadows.
        fair = best.get(flat)
        if fair and fair.is_clear(enough):
            return FirstGeometry(fair, most, tried)
    last = max(best.values(), key=lambda each: each.worth, default=None)
    return FirstGeometry(last, most, tried)


def attempt_of(fit: FirstFit, photos: Photos) -> Attempt:
    """Begin a warp field with the inliers of a fit and match again under it."""
    # A close-up shows details that the other photo only has at a larger size, if at all.
    source = photos.source_for(fit.map, fit.source[fit.inliers])
    fit = fit.in_cells(photos.source_at(1.0).cell / source.cell)
    warp_field = WarpField(fit.map, source.valid.shape)
    shifts = fit.map.inverse()(fit.target) - fit.source
    warp_field.grow(fit.source, shifts, fit.inliers, shared_pixels=fit.shared_pixels)
    middle = np.median(fit.source[fit.inliers], axis=0)
    canvas = Canvas(
        photos.target.photo, photos.target_at(1.0), warp_field, middle, photos.extractor
    )
    attempt = Attempt.of(source, warp_field, canvas, FIRST_REACH)
    for _ in range(SECOND_TRIES):
        # A map of a few imprecise matches may lead to more of them than confirm it.
        if PROMISING_SHARE <= attempt.share < CONFIRMED_SHARE:
            attempt.grow()
            attempt = Attempt.of(source, warp_field, canvas, FIRST_REACH, attempt.at_first)
    return attempt


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


def _fits_of_blobs(photos: Photos) -> Iterator[FirstFit]:
    """Maps of dark blobs of the photos as they are, by their arrangement alone."""
    for found, source, target in blob_matches(photos.as_they_are()):
        if is_plausible(found, source):
            everything = np.ones(len(source), dtype=bool)
            yield FirstFit(source, target, everything, found, 1.0)


def _fits_of_keypoints(photos: Photos) -> Iterator[FirstFit]:
    """Maps of keypoints; neighbouring ones share few pixels."""
    longest = FLAT_LONGEST if photos.is_flat else LONGEST
    source, target = keypoint_matches(photos.source, photos.target, longest, photos.variants)
    yield from _fits(source, target, (homography_fit, affine_fit, similarity_fit), 0, 1.0)


KINDS: tuple[Kind, ...] = (
    (_fits_of_mutual, False, CONFIRMED_SHARE, CLEAR_SHARE),
    (_fits_of_mutual, True, CONFIRMED_SHARE, CLEAR_SHARE),
    (_fits_of_blobs, True, CONFIRMED_BLOBS_SHARE, FAIR_SHARE),
    (_fits_of_keypoints, True, CONFIRMED_SHARE, FAIR_SHARE),
    (_fits_of_distinct, True, CONFIRMED_SHARE, FAIR_SHARE),
    (_fits_of_distinct, False, CONFIRMED_SHARE, FAIR_SHARE),
    (_fits_of_keypoints, False, CONFIRMED_SHARE, FAIR_SHARE),
    (_fits_of_sizes, False, CONFIRMED_SHARE, FAIR_SHARE),
)
"""Kinds of matches, whether of flattened photos, the share of confirming ones from which a geometry
is confirmed, and that from which no further kind is tried."""

LAST_RESORTS = (_fits_of_sizes,)
"""Kinds that cost most, and are only tried if no geometry is confirmed."""


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
