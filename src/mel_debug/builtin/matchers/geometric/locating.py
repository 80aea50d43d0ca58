"""Moles of one source photo in the target: each by itself, then with the others as anchors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mel_debug.builtin.matchers.geometric.anchors import (
    NOISE_STD,
    Anchors,
    Correction,
    corrections,
    trusted,
)
from mel_debug.builtin.matchers.geometric.arranged_priors import ArrangedPriors
from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.builtin.matchers.geometric.likelihood import Likelihood
from mel_debug.builtin.matchers.geometric.mole_alignment import AlignedMole, align_mole
from mel_debug.builtin.matchers.geometric.mole_windows import SAMPLES, SpotSkin, sigma_px
from mel_debug.builtin.matchers.geometric.other_spots import is_another, twin_of
from mel_debug.builtin.matchers.geometric.photo_pair import PhotoPair
from mel_debug.builtin.matchers.geometric.roundness import roundness_of
from mel_debug.builtin.matchers.geometric.skin_blobs import all_blobs, choose_blobs
from mel_debug.builtin.matchers.geometric.spot_search import Found, Prior, SpotSearch
from mel_debug.builtin.matchers.geometric.vacancy import vacancy_of
from mel_debug.builtin.matchers.geometric.warp_field import WarpField
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import Measurement, Photo

ROUNDS = 2
"""Rounds of correcting priors by anchors and searching again."""

SURPRISING = 3.0
"""Standard deviations between a mole and the place predicted by its anchors from which on it is
searched again. At 2 the error of one of eight labelled moles rises from 12 to 22 px."""

WELL_EXPLAINED = 0.5
"""Largest unexplained share of the variance with which anchors correct a prior."""

MOST_STRETCH = 2.0
"""Largest factor by which anchors change a prior's scale along any direction."""

GOOD_CORRELATION, BAD_CORRELATION = 0.9, 0.5
"""Correlations of aligned pixels that give an anchor full weight and none. From the former on, a
mole stays where its pixels were aligned."""

GOOD_MARGIN = 0.05
"""Margin over the best rival that gives an anchor full weight."""

CYCLE_SHARE = 0.005
"""Cycle error that halves an anchor's weight, as a share of the longer side: 30 px of 6000."""

UNKNOWN_CYCLE = 0.5
"""Weight of an anchor without a cycle error: it was found at the edge of its window."""

LEAP_FLOOR = 3 / 6000
"""Share of the longer side that is added to a lead's std before a leap is divided by it: a lead is
never known better. On warps of a labelled pair and on hard generated pairs the median leap of
moles that are there is 0.1 to 0.2, their 99 % 2.0 to 2.9; the median of those that are gone is 1.0
to 2.1."""

LIKELY_LEAP = 1.8
"""Leap up to which a spot is not another one, wherever others are expected: where a lead is this
unsure, some spot is often near. On hard generated people right moles at another's expected place
had 1.6 and less, moles that had gone and were taken for a twin and accepted 1.97 and 6.2."""

MOST_LEAP = 3.0
"""Leap beyond which a spot, however alike, is another one: more than that of 99 % of the moles that
are there."""


@dataclass(frozen=True, slots=True, eq=False)
class ViewMatch:
    """A mole found in the target from one view.

    `place` is (2,) pixels of the target, `moves` the distances in target pixels by which each
    window and the pixel alignment of its last search moved it, from the prior on. `jacobian` is
    (2, 2), target pixels by row per source pixel by column. `support` is the evidence by name, and
    `likelihood` is that of the widest window of the last search.
    """

    place: Array
    jacobian: Array
    similarity: float
    cycle_error_px: float | None
    moves: tuple[float, ...]
    support: Mapping[str, Measurement]
    likelihood: Likelihood


def locate(
    pair: PhotoPair,
    warp_field: WarpField,
    points: Array,
    photos: tuple[Photo, Photo],
    extractor: FeatureExtractor,
) -> list[ViewMatch]:
    """Find the moles at (n, 2) photo pixels of the source in the target.

    Moles are anchors of each other, so that a mole may be found elsewhere than if asked alone.
    """
    search = SpotSearch(pair, warp_field, photos, extractor)
    longest = photos[0].size.longest
    warped = search.priors(points)
    found = search.find(list(points), warped)
    blobs = _blob_anchors(search, points, longest)
    leads, arranged = warped, ArrangedPriors(search, points, warped)
    for _ in range(ROUNDS):
        anchors = trusted(_joined(_anchors(points, warped, found, longest), blobs), longest)
        predicted = corrections(anchors, points, longest)
        leads = [
            arranged.unless_sure(number, _corrected(prior, correction, search.cell))
            for number, (prior, correction) in enumerate(zip(warped, predicted, strict=True))
        ]
        again = [
            number
            for number, (lead, one) in enumerate(zip(leads, found, strict=True))
            if lead.anchors and _is_surprising(one, lead, search.cell, longest)
        ]
        if not again:
            break
        searched = search.find([points[i] for i in again], [leads[i] for i in again])
        for number, one in zip(again, searched, strict=True):
            found[number] = one
    return [
        _view_match(search, point, one, lead)
        for point, one, lead in zip(points, found, leads, strict=True)
    ]


def _blob_anchors(search: SpotSearch, points: Array, longest: int) -> Anchors:
    """Return dark blobs of the source's skin near the moles, found in the target."""
    blobs = choose_blobs(search.photos[0], points)
    priors = search.priors(blobs) if len(blobs) else []
    reach = search.reach_at_once() / search.cell
    known = [number for number, prior in enumerate(priors) if 2 * prior.std < reach]
    memory = search.pair.blobs
    new = [number for number in known if not memory.has(blobs[number])]
    some = [priors[number] for number in new]
    found = search.find_at_once([blobs[number] for number in new], some)
    memory.add(_anchors(blobs[new], some, found, longest))
    return memory.of(blobs[known])


def _anchors(
    places: Array, warped: Sequence[Prior], found: Sequence[Found], longest: int
) -> Anchors:
    """Return found spots as anchors, with weights for how distinctly each was found."""
    offsets = [
        np.linalg.solve(prior.jacobian, one.place - prior.place)
        for prior, one in zip(warped, found, strict=True)
    ]
    weights = [_weight(one, longest) for one in found]
    return Anchors(places, np.array(offsets).reshape(-1, 2), np.array(weights))


def _weight(found: Found, longest: int) -> float:
    likeness = (found.correlation - BAD_CORRELATION) / (GOOD_CORRELATION - BAD_CORRELATION)
    distinct = found.last.margin / GOOD_MARGIN
    cycle = found.last.cycle_error_px
    closed = UNKNOWN_CYCLE if cycle is None else 1 / (1 + (cycle / (CYCLE_SHARE * longest)) ** 2)
    return float(np.clip(likeness, 0, 1) * np.clip(distinct, 0, 1) * closed)


def _joined(first: Anchors, second: Anchors) -> Anchors:
    return Anchors(
        np.concatenate([first.places, second.places]),
        np.concatenate([first.offsets, second.offsets]),
        np.concatenate([first.weights, second.weights]),
    )


def _corrected(prior: Prior, correction: Correction, cell: float) -> Prior:
    """Return a prior of the warp field with the correction by its anchors, if they are enough."""
    if not correction.near or correction.unexplained > WELL_EXPLAINED:
        return prior
    bend = np.eye(2) + correction.gradient
    stretches = np.linalg.svd(bend, compute_uv=False)
    folded = np.linalg.det(bend) <= 0
    if folded or stretches[0] > MOST_STRETCH or stretches[1] < 1 / MOST_STRETCH:
        bend = np.eye(2)
    # Where anchors leave something unexplained, the place is as unsure as the warp field is, and as
    # the skin is found to bend: on a real pair its own std of 5 px met errors of 15 to 50 px
    # where `residual` was about a cell.
    left = correction.unexplained
    residual = float(np.median(prior.residuals)) if len(prior.residuals) else 0.0
    alone = prior.std**2 + residual**2 + (correction.offset_std / cell) ** 2
    return replace(
        prior,
        place=prior.place + prior.jacobian @ correction.offset,
        jacobian=prior.jacobian @ bend,
        std=float(np.sqrt(left * alone + (1 - left) * (correction.error_std / cell) ** 2)),
        anchors=correction.near,
    )


def _is_surprising(found: Found, lead: Prior, cell: float, longest: int) -> bool:
    """Whether a spot was found where its anchors don't expect it, and not searched there yet."""
    noise = NOISE_STD * longest
    moved = np.hypot(*np.linalg.solve(lead.jacobian, lead.place - found.prior.place))
    if found.prior.anchors and moved < noise:
        return False
    return _away(found.place, lead) > SURPRISING * max(lead.std * cell, noise)


def _away(place: Array, lead: Prior) -> float:
    """Return the distance of a place in the target from a prior, in pixels of the source."""
    return float(np.hypot(*np.linalg.solve(lead.jacobian, place - lead.place)))


def _seen(mole: Array, place: Array, lead: Prior) -> Array:
    """Return where a place of the target is expected to be in the source, (2,) pixels."""
    seen: Array = mole + np.linalg.solve(lead.jacobian, place - lead.place)
    return seen


def _view_match(search: SpotSearch, mole: Array, found: Found, lead: Prior) -> ViewMatch:
    """Return a found mole with the evidence for it; `lead` is where its anchors expect it.

    Evidence of the lead: `warp_std_px` is its std, `anchors_near` the number of trusted anchors
    behind it (0: the warp field's prediction), `anchor_offset_px` the distance of the mole from it
    in source pixels, and `leap` that distance by what is known no better. `vacancy` and `contrast`
    are those of `Vacancy`, `mole_correlation` is that of `AlignedMole`, and `roundness` and
    `twin` are those of `roundness_of` and `twin_of`.
    """
    pair, cell, longest = search.pair, search.cell, search.photos[0].size.longest
    known = LEAP_FLOOR * longest + lead.doubt * cell
    sigma = sigma_px(search.photos[0], mole)
    here = SpotSkin.around(search.photos[0], mole, np.eye(2) * sigma / SAMPLES)
    there = SpotSkin.around(search.photos[1], found.place, lead.jacobian * sigma / SAMPLES)
    aligned = align_mole(here, there, lambda place: _away(place, lead) <= MOST_LEAP * known)
    place = found.place if found.correlation >= GOOD_CORRELATION else aligned.place
    blobs = all_blobs(search.photos[0])
    if _away(place, lead) > LIKELY_LEAP * known and is_another(
        blobs, mole, sigma, _seen(mole, place, lead), longest
    ):
        # Nothing else was found: the answer is the bare skin where the mole should be.
        place, aligned = lead.place, AlignedMole(lead.place, 0.0)
    away = _away(place, lead)
    expected, there = there.at(lead.place), there.at(place)
    gone = vacancy_of(here, expected, there)
    return ViewMatch(
        place,
        lead.jacobian,
        found.last.similarity,
        found.last.cycle_error_px,
        found.moves,
        {
            "geometries_tried": Measurement(float(pair.first.tried)),
            "matches": Measurement(float(len(pair.places))),
            "matches_near": Measurement(float(len(lead.residuals))),
            "residual_px": Measurement(lead.residual * cell, "px"),
            "warp_std_px": Measurement(lead.std * cell, "px"),
            "margin": Measurement(found.last.margin),
            "correlation": Measurement(found.correlation),
            "moved_px": Measurement(float(np.hypot(*(found.place - found.track[1]))), "px"),
            "anchors_near": Measurement(float(lead.anchors)),
            "anchor_offset_px": Measurement(away, "px"),
            "leap": Measurement(away / known),
            "vacancy": Measurement(gone.vacancy),
            "contrast": Measurement(gone.contrast),
            "mole_correlation": Measurement(aligned.correlation),
            "roundness": Measurement(roundness_of(here, there)),
            "twin": Measurement(twin_of(blobs, mole, sigma, _seen(mole, place, lead), known)),
        },
        found.first.likelihood,
    )
