"""The matcher `geometric`: a warp field between the photos, then windows at rising resolution."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.builtin.matchers.geometric.photo_pair import PhotoPair, match_pair
from mel_debug.builtin.matchers.geometric.pixel_alignment import align_pixels
from mel_debug.builtin.matchers.geometric.warp_field import WarpField
from mel_debug.builtin.matchers.geometric.window_matching import (
    HALF,
    REACH,
    SMALL_HALF,
    Window,
    WindowMatch,
    match_windows,
)
from mel_debug.builtin.matchers.similarity import SimilarityMatcher, cosine
from mel_debug.core.geometry import Point
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import FeatureMap, Match, Measurement, Photo, Query, View

PRIOR_STD = 2.5
"""Cells; smallest standard deviation of the first window's prior."""

NEARBY = 10.0
"""Cells; radius around a mole within which matches count as evidence for its position."""

DENSE_MATCHES, DENSE_RESIDUAL = 40, 0.35
"""Number of nearby matches and median residual in cells from which one fine window is enough."""

ALIGNED_STD_PX = 0.3
"""Standard deviation of a position after pixel alignment: the median error on generated photos is
0.33 px (`benchmarks/localisation.py generated`), and a Rayleigh distribution's is 1.18 sigma."""

LAST_ZOOM = 0.7
"""Window pixels per source pixel at which windows are no longer enlarged: more shows only noise."""


@dataclass(frozen=True, slots=True, eq=False)
class ViewMatch:
    """A mole found in the target from one view.

    `place` is (2,) pixels of the target, `moves` the distances in target pixels by which each
    window and the pixel alignment moved it. `support` is the evidence by name.
    """

    place: Array
    similarity: float
    cycle_error_px: float | None
    moves: tuple[float, ...]
    support: Mapping[str, Measurement]


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """The position of a mole in the target as the warp field predicts it.

    `place` is (2,) pixels of the target. `jacobian` is (2, 2), target pixels by row per source
    pixel by column. `std` is the warp field's standard deviation at the mole, and `residuals` are
    those of nearby matches, both in cells of the source.
    """

    place: Array
    jacobian: Array
    std: float
    residuals: Array


@dataclass(frozen=True, slots=True)
class GeometricMatcher:
    """Finds moles with a warp field between two photos; see the package for the method.

    Photos without a warp field are searched by plain similarity, which a note of the match states.
    """

    plain: SimilarityMatcher

    def match(
        self, queries: Sequence[Query], target: FeatureMap, extractor: FeatureExtractor
    ) -> list[Match]:
        """See `Matcher.match`; `scores` are plain similarities, `best` follows from geometry."""
        matches = self.plain.match(queries, target, extractor)
        found: list[list[ViewMatch]] = [[] for _ in queries]
        matched = 0
        for source, views in _by_source(queries).items():
            pair = match_pair(source, target, extractor)
            matched = max(matched, pair.matched)
            if pair.warp_field is not None:
                points = np.array([[view.point.x, view.point.y] for _, view in views])
                answers = locate(
                    pair, pair.warp_field, points, (source.photo, target.photo), extractor
                )
                for (number, _), answer in zip(views, answers, strict=True):
                    found[number].append(answer)
        combined = [
            _combined(match, answers, matched)
            for match, answers in zip(matches, found, strict=True)
        ]
        return [
            self._with_cycle_error(query, match, target)
            for query, match in zip(queries, combined, strict=True)
        ]

    def _with_cycle_error(self, query: Query, match: Match, target: FeatureMap) -> Match:
        """Return the match with a cycle error, from whole photos if the windows had none."""
        if match.cycle_error_px is not None:
            return match
        (distance,) = self.plain.cycle_error_px([query], [target.between(match.best)])
        return replace(match, cycle_error_px=distance)


def build() -> GeometricMatcher:
    """Return the matcher with cosine similarity for its scores and as its fallback."""
    return GeometricMatcher(SimilarityMatcher(cosine, interpolate=True, at_peak=True))


def _by_source(queries: Sequence[Query]) -> dict[FeatureMap, list[tuple[int, View]]]:
    """Return the views of each source photo with the indices of their queries."""
    views: dict[FeatureMap, list[tuple[int, View]]] = {}
    for number, query in enumerate(queries):
        for view in query.views:
            views.setdefault(view.features, []).append((number, view))
    return views


def _combined(match: Match, answers: list[ViewMatch], matched: int) -> Match:
    """Return the match at the position of the view with the smallest warp field std."""
    if not answers:
        note = f"the photos share too little for geometry (at most {matched} matches fit one map)"
        return replace(match, notes=(*match.notes, f"{note}: plain similarity instead"))
    best = min(answers, key=lambda answer: answer.support["warp_std_px"].value)
    places = np.array([answer.place for answer in answers])
    apart = float(np.median(np.hypot(*(places - best.place).T)))
    grid = match.grid.photo
    x, y = np.clip(best.place, 0, [grid.width - 1e-6, grid.height - 1e-6])
    place = Point(float(x), float(y))
    cell = match.grid.cell_of(place)
    return replace(
        match,
        best=place,
        score=float(match.scores[cell.row, cell.column]),
        refined_score=best.similarity,
        method="geometry",
        position_std_px=ALIGNED_STD_PX,
        cycle_error_px=best.cycle_error_px,
        moves_px=best.moves,
        support={
            **best.support,
            "views": Measurement(float(len(answers))),
            "views_apart_px": Measurement(apart, "px"),
        },
    )


def locate(
    pair: PhotoPair,
    warp_field: WarpField,
    points: Array,
    photos: tuple[Photo, Photo],
    extractor: FeatureExtractor,
) -> list[ViewMatch]:
    """Find the moles at (n, 2) photo pixels of the source in the target."""
    priors = _priors(pair, warp_field, points)
    windows = [
        _first_window(point, prior, pair, extractor.patch)
        for point, prior in zip(points, priors, strict=True)
    ]
    tracks = [[window.target] for window in windows]
    matches: list[WindowMatch | None] = [None] * len(points)
    active = list(range(len(points)))
    while active:
        batch = match_windows(*photos, [windows[i] for i in active], extractor)
        for i, window_match in zip(active, batch, strict=True):
            matches[i] = window_match
            tracks[i].append(window_match.target)
        active = [i for i in active if windows[i].zoom < LAST_ZOOM]
        for i in active:
            windows[i] = _zoomed(windows[i], tracks[i][-1], extractor.patch)
    return [
        _final_match(_support(pair, prior), photos, window, track, window_match)
        for prior, window, track, window_match in zip(priors, windows, tracks, matches, strict=True)
        if window_match is not None
    ]


def _priors(pair: PhotoPair, warp_field: WarpField, points: Array) -> list[Prior]:
    """Return the warp field's predictions for (n, 2) photo pixels of the source."""
    at = points / pair.source.cell
    jacobians = np.diag(pair.target.cell) @ warp_field.jacobians(at) @ np.diag(1 / pair.source.cell)
    return [
        Prior(*each)
        for each in zip(
            warp_field(at) * pair.target.cell,
            jacobians,
            warp_field.std(at).tolist(),
            (pair.residuals[np.hypot(*(pair.places - one).T) < NEARBY] for one in at),
            strict=True,
        )
    ]


def _first_window(point: Array, prior: Prior, pair: PhotoPair, patch: int) -> Window:
    """Return a window at the predicted position, large enough for its uncertainty."""
    size = float(pair.source.cell.mean())
    coarse = patch / size
    sigma = size * float(np.hypot(PRIOR_STD, 2 * prior.std))
    holds = REACH * patch / (2.5 * sigma)
    zoom = max(min(1.5 * coarse, holds), coarse / 2)
    enough = len(prior.residuals) >= DENSE_MATCHES and np.median(prior.residuals) < DENSE_RESIDUAL
    if enough and 2 * prior.std < 1:
        zoom = max(zoom, min(1.0, 3 * coarse))
        return Window(point, prior.place, prior.jacobian, zoom, size, SMALL_HALF)
    return Window(point, prior.place, prior.jacobian, zoom, sigma)


def _zoomed(window: Window, target: Array, patch: int) -> Window:
    """Return a window at twice the zoom, with a prior of two cells of the last window."""
    return replace(
        window,
        target=target,
        sigma=2 * patch / window.zoom,
        zoom=min(2 * window.zoom, 1.0),
        half=HALF,
    )


def _support(pair: PhotoPair, prior: Prior) -> dict[str, Measurement]:
    """Return the evidence of the warp field for one mole."""
    size = float(pair.source.cell.mean())
    residual = float(np.median(prior.residuals)) if len(prior.residuals) else NEARBY
    return {
        "matches": Measurement(float(len(pair.places))),
        "matches_near": Measurement(float(len(prior.residuals))),
        "residual_px": Measurement(residual * size, "px"),
        "warp_std_px": Measurement(prior.std * size, "px"),
    }


def _final_match(
    support: Mapping[str, Measurement],
    photos: tuple[Photo, Photo],
    window: Window,
    track: list[Array],
    window_match: WindowMatch,
) -> ViewMatch:
    """Return the last window match with its pixels aligned, and the evidence for it."""
    place, correlation = align_pixels(*photos, window.source, track[-1], window.jacobian)
    track = [*track, place]
    return ViewMatch(
        place,
        window_match.similarity,
        window_match.cycle_error_px,
        tuple(float(np.hypot(*(after - before))) for before, after in pairwise(track)),
        {
            **support,
            "margin": Measurement(window_match.margin),
            "correlation": Measurement(correlation),
            "moved_px": Measurement(float(np.hypot(*(place - track[1]))), "px"),
        },
    )
