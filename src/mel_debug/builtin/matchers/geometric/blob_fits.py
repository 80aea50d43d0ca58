"""What the dark blobs of two photos say: first fits, and whether they confirm another geometry."""

from collections.abc import Callable, Iterator

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.builtin.matchers.geometric.attempts import Attempt
from mel_debug.builtin.matchers.geometric.bent_arrangements import (
    MOST_RIVAL,
    SURE,
    Arrangement,
)
from mel_debug.builtin.matchers.geometric.blob_field import GrownMap, blobs_under
from mel_debug.builtin.matchers.geometric.constellation import (
    arrangements,
    closer_arrangements,
)
from mel_debug.builtin.matchers.geometric.first_fit import (
    CONFIRMED_SHARE,
    FirstFit,
    is_plausible,
)
from mel_debug.builtin.matchers.geometric.photos import Photos
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.sized_blobs import Blobs

SURE_SHARE = 0.05
"""Share of matches that must confirm a map of blobs that are sure: about the level of chance, as
light may have changed all that features see."""

LIKELY_SHARES = (0.2, 0.1)
"""The same for maps that are likely, with half the evidence of sure ones and less, and that are
almost sure; in between it falls with the evidence. Photos of different bodies have up to 0.08.
Without evidence, a wrong map of a mirrored photo of half a megapixel had 0.163, and with one of 7.3
a wrong map of a hard pair 0.195; a right one with an evidence of 17.6 had 0.169."""


def fits_of_blobs(photos: Photos) -> Iterator[FirstFit]:
    """Maps of dark blobs of the photos as they are, by their arrangement alone."""
    yield from _fits(photos.as_they_are(), arrangements)


def fits_of_close_ups(photos: Photos) -> Iterator[FirstFit]:
    """The same between an overview and a close-up."""
    yield from _fits(photos.as_they_are(), closer_arrangements)


def spots_confirm(attempt: Attempt, photos: Photos, rival: float) -> bool:
    """Whether the blobs that match under an attempt's warp field make sure of it.

    `rival` is the evidence for another map where blobs led to this one, as those of a cloth do.
    """
    found = _sure_under(attempt, photos)
    return found is not None and rival <= MOST_RIVAL * found.evidence


def keep_blobs(attempt: Attempt, photos: Photos) -> None:
    """Let an attempt's warp field keep the blobs that match under it, if these confirm it."""
    if attempt.warp_field.kept_covariance is not None:
        return
    found = _sure_under(attempt, photos)
    if found is None:
        return
    here, there = _blobs(photos)
    one, other = _cells(photos, attempt.source.cell)
    places, targets = here.places[found.rows] * one, there.places[found.columns] * other
    shifts = attempt.warp_field.base.inverse()(targets) - places
    attempt.warp_field.keep(places, shifts, found.within * float(one.max()))


def _sure_under(attempt: Attempt, photos: Photos) -> GrownMap | None:
    """Return the blobs that match under an attempt's warp field; None if they don't confirm it."""
    cells = _cells(photos, attempt.source.cell)
    found = blobs_under(attempt.warp_field, *_blobs(photos), cells)
    return None if found is None or found.evidence < SURE else found


def _fits(
    photos: Photos, arranged: Callable[[Blobs, Blobs], list[Arrangement]]
) -> Iterator[FirstFit]:
    here, there = _blobs(photos)
    one, other = _cells(photos, photos.source_at(1.0).cell)
    for each in arranged(here, there):
        source = here.places[each.grown.rows] * one
        target = there.places[each.grown.columns] * other
        found = PlaneMap.from_affine(np.diag([*(1 / one), 1.0]) @ each.affine * other)
        if is_plausible(found, source):
            everything = np.ones(len(source), dtype=bool)
            std = each.grown.within * float(one.max()) if each.is_sure else None
            yield FirstFit(source, target, everything, found, 1.0, std, _least(each), each.rival)


def _least(found: Arrangement) -> float:
    if found.is_sure:
        return SURE_SHARE
    if not found.is_likely:
        return CONFIRMED_SHARE
    return float(np.interp(found.lead, (SURE / 2, SURE), LIKELY_SHARES))


def _blobs(photos: Photos) -> tuple[Blobs, Blobs]:
    source, target = (Blobs.of(each, photos.variants) for each in (photos.source, photos.target))
    return source, target


def _cells(photos: Photos, cell: Array) -> tuple[Array, Array]:
    """Return the cells (x, y) along the longer sides of both photos; `cell` is the source's."""
    target = photos.target_at(1.0).cell
    return photos.source.photo.size.longest / cell, photos.target.photo.size.longest / target
