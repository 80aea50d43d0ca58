"""One first geometry of two photos, judged by matching again under it."""

from dataclasses import dataclass

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, CellFeatures, Flags
from mel_debug.builtin.matchers.geometric.canvas import Canvas, Rematch
from mel_debug.builtin.matchers.geometric.first_fit import CONFIRMED_SHARE, FirstFit
from mel_debug.builtin.matchers.geometric.photos import Photos
from mel_debug.builtin.matchers.geometric.warp_field import KNOWN_STD, WarpField

CONFIRMED_CELLS = 1.5
"""Cells; a match this close to its predicted position confirms the warp field."""

PROMISING_SHARE, SECOND_TRIES = 0.1, 2
"""Share of confirming matches from which a geometry that is not confirmed is refined and judged
again, and how often."""

CLEAR_CONFIRMED = 60
"""Number of confirming matches from which no other geometry is tried."""

FIRST_REACH = 6
"""Cells; least search radius under a first geometry."""


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """A first geometry, and the matches of source and target under it.

    `source` are the source's features at the size that suits the target's resolution. `sure` are
    the matches, (n,), where the warp field is known, `confirming` those that agree. `at_first` is
    the number of matches where the field was known when it was first judged, and `judged` how often
    it has been.
    """

    source: CellFeatures
    warp_field: WarpField
    canvas: Canvas
    rematch: Rematch
    sure: Flags
    confirming: Flags
    at_first: int
    judged: int

    @classmethod
    def of(
        cls,
        source: CellFeatures,
        warp_field: WarpField,
        canvas: Canvas,
        least_reach: float,
        before: "Attempt | None" = None,
    ) -> "Attempt":
        """Match again under a warp field, within at least `least_reach` cells of its places.

        `before` is the same attempt before its warp field was grown.
        """
        rematch = canvas.rematch(source, least_reach)
        sure: Flags = warp_field.std(rematch.source) < KNOWN_STD
        confirming: Flags = sure & (rematch.gap < CONFIRMED_CELLS)
        first, judged = (before.at_first, before.judged) if before else (int(sure.sum()), 0)
        return cls(source, warp_field, canvas, rematch, sure, confirming, first, judged + 1)

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


def attempt_of(fit: FirstFit, photos: Photos, tries: int = SECOND_TRIES) -> Attempt:
    """Begin a warp field with the inliers of a fit and match again under it.

    A promising one is refined and judged again up to `tries` times.
    """
    # A close-up shows details that the other photo only has at a larger size, if at all.
    source = photos.source_for(fit.map, fit.source[fit.inliers])
    fit = fit.in_cells(photos.source_at(1.0).cell / source.cell)
    warp_field = WarpField(fit.map, source.valid.shape)
    shifts = fit.map.inverse()(fit.target) - fit.source
    warp_field.grow(fit.source, shifts, fit.inliers, shared_pixels=fit.shared_pixels)
    if fit.sure_std is not None:
        warp_field.keep(fit.source[fit.inliers], shifts[fit.inliers], fit.sure_std)
    middle = np.median(fit.source[fit.inliers], axis=0)
    canvas = Canvas(
        photos.target.photo, photos.target_at(1.0), warp_field, middle, photos.extractor
    )
    attempt = Attempt.of(source, warp_field, canvas, FIRST_REACH)
    for _ in range(tries):
        # A map of a few imprecise matches may lead to more of them than confirm it.
        if PROMISING_SHARE <= attempt.share < CONFIRMED_SHARE:
            attempt.grow()
            attempt = Attempt.of(source, warp_field, canvas, FIRST_REACH, attempt)
    return attempt
