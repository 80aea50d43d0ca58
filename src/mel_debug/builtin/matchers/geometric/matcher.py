"""`geometric`: the geometry of both photos first, then closer and closer looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.builtin.matchers.geometric.photo_pair import Pair, match_pair
from mel_debug.builtin.matchers.geometric.pixel_alignment import settle
from mel_debug.builtin.matchers.geometric.warp_field import WarpField
from mel_debug.builtin.matchers.geometric.window_matching import (
    HALF,
    REACH,
    SURE_HALF,
    Window,
    WindowMatch,
    look,
)
from mel_debug.builtin.matchers.similarity import SimilarityMatcher, cosine
from mel_debug.core.geometry import Point
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import FeatureMap, Match, Measurement, Photo, Query, View

FLOOR = 2.5
"""Cells; standard deviation of the first look's prior where the warp field is sure."""

NEAR = 10.0
"""Cells; matches within this of a mole speak for its place."""

SURE_MATCHES, SURE_RESIDUAL = 40, 0.35
"""Matches nearby, and their median residual in cells, from which one fine look is enough."""

ALIGNED_STD_PX = 0.3
"""Standard deviation of a place once pixels are aligned: the median error on generated photos is
0.33 px (`benchmarks/localisation.py generated`), and a Rayleigh distribution's is 1.18 sigma."""

LAST_ZOOM = 0.7
"""Window pixels to a pixel of the source; finer shows grain only."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A mole's place in the target as one view sees it, and what speaks for it, by name."""

    place: Array
    similarity: float
    back: float | None
    moves: tuple[float, ...]
    support: Mapping[str, Measurement]


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """Where the warp field leads from one mole.

    `place` is (2,) pixels of the target, `jacobian` (2, 2) pixels of the target by row for pixels
    of the source by column, `std` the warp field's own standard deviation in cells of the source,
    and `residuals` those of the matches near the mole, in cells.
    """

    place: Array
    jacobian: Array
    std: float
    residuals: Array


@dataclass(frozen=True, slots=True)
class GeometricMatcher:
    """Finds moles by what else both photos show around them.

    Per pair of photos: mutual matches of all cells, a robust affine map, a smooth warp field grown
    from it. Per mole: windows of the target drawn into the source's frame, compared with a prior
    around where the warp field leads, at rising zoom, and at last the pixels aligned. Photos that
    share too little are searched by plain similarity, and the match says so.
    """

    plain: SimilarityMatcher

    def match(
        self, queries: Sequence[Query], target: FeatureMap, extractor: FeatureExtractor
    ) -> list[Match]:
        """See `Matcher.match`; `scores` are plain similarities, `best` is where geometry leads."""
        matches = self.plain.match(queries, target, extractor)
        found: list[list[Found]] = [[] for _ in queries]
        matched = 0
        for source, views in _by_source(queries).items():
            pair = match_pair(source, target, extractor)
            matched = max(matched, pair.first.count)
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
            self._searched_back(query, match, target)
            for query, match in zip(queries, combined, strict=True)
        ]

    def _searched_back(self, query: Query, match: Match, target: FeatureMap) -> Match:
        """The match with its mutual distance, from the whole photos where no window could tell."""
        if match.cycle_error_px is not None:
            return match
        (distance,) = self.plain.cycle_error_px([query], [target.between(match.best)])
        return replace(match, cycle_error_px=distance)


def build() -> GeometricMatcher:
    """The matcher with plain cosine for its scores and for photos that share too little."""
    return GeometricMatcher(SimilarityMatcher(cosine, interpolate=True, at_peak=True))


def _by_source(queries: Sequence[Query]) -> dict[FeatureMap, list[tuple[int, View]]]:
    """Each source photo's views, with the numbers of their queries."""
    views: dict[FeatureMap, list[tuple[int, View]]] = {}
    for number, query in enumerate(queries):
        for view in query.views:
            views.setdefault(view.features, []).append((number, view))
    return views


def _combined(match: Match, answers: list[Found], matched: int) -> Match:
    """The match at the place of the view that is supported best."""
    if not answers:
        note = f"the photos share too little for geometry ({matched} places at most fit together)"
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
        cycle_error_px=best.back,
        moves_px=best.moves,
        support={
            **best.support,
            "views": Measurement(float(len(answers))),
            "views_apart_px": Measurement(apart, "px"),
        },
    )


def locate(
    pair: Pair,
    warp_field: WarpField,
    points: Array,
    photos: tuple[Photo, Photo],
    extractor: FeatureExtractor,
) -> list[Found]:
    """Every mole at (n, 2) photo pixels of the source, found in the target."""
    priors = _priors(pair, warp_field, points)
    windows = [
        _first_window(point, prior, pair, extractor.patch)
        for point, prior in zip(points, priors, strict=True)
    ]
    trails = [[window.target] for window in windows]
    sights: list[WindowMatch | None] = [None] * len(points)
    active = list(range(len(points)))
    while active:
        seen = look(*photos, [windows[i] for i in active], extractor)
        for i, window_match in zip(active, seen, strict=True):
            sights[i] = window_match
            trails[i].append(window_match.target)
        active = [i for i in active if windows[i].zoom < LAST_ZOOM]
        for i in active:
            windows[i] = _closer(windows[i], trails[i][-1], extractor.patch)
    return [
        _settled(_support(pair, prior), photos, window, trail, window_match)
        for prior, window, trail, window_match in zip(priors, windows, trails, sights, strict=True)
        if window_match is not None
    ]


def _priors(pair: Pair, warp_field: WarpField, points: Array) -> list[Prior]:
    """Where the warp field leads from (n, 2) photo pixels of the source, and how sure it is there."""
    at = points / pair.source.cell
    jacobians = np.diag(pair.target.cell) @ warp_field.jacobians(at) @ np.diag(1 / pair.source.cell)
    return [
        Prior(*each)
        for each in zip(
            warp_field(at) * pair.target.cell,
            jacobians,
            warp_field.std(at).tolist(),
            (pair.residuals[np.hypot(*(pair.places - one).T) < NEAR] for one in at),
            strict=True,
        )
    ]


def _first_window(point: Array, prior: Prior, pair: Pair, patch: int) -> Window:
    """Where the warp field leads, and a window that holds what it leaves open."""
    size = float(pair.source.cell.mean())
    coarse = patch / size
    sigma = size * float(np.hypot(FLOOR, 2 * prior.std))
    holds = REACH * patch / (2.5 * sigma)
    zoom = max(min(1.5 * coarse, holds), coarse / 2)
    enough = len(prior.residuals) >= SURE_MATCHES and np.median(prior.residuals) < SURE_RESIDUAL
    if enough and 2 * prior.std < 1:
        zoom = max(zoom, min(1.0, 3 * coarse))
        return Window(point, prior.place, prior.jacobian, zoom, size, SURE_HALF)
    return Window(point, prior.place, prior.jacobian, zoom, sigma)


def _closer(window: Window, target: Array, patch: int) -> Window:
    """Twice as near, and as sure as two of the last look's cells."""
    return replace(
        window,
        target=target,
        sigma=2 * patch / window.zoom,
        zoom=min(2 * window.zoom, 1.0),
        half=HALF,
    )


def _support(pair: Pair, prior: Prior) -> dict[str, Measurement]:
    """What the warp field says of its own worth where it leads to."""
    size = float(pair.source.cell.mean())
    residual = float(np.median(prior.residuals)) if len(prior.residuals) else NEAR
    return {
        "matches": Measurement(float(len(pair.places))),
        "matches_near": Measurement(float(len(prior.residuals))),
        "residual_px": Measurement(residual * size, "px"),
        "warp_std_px": Measurement(prior.std * size, "px"),
    }


def _settled(
    support: Mapping[str, Measurement],
    photos: tuple[Photo, Photo],
    window: Window,
    trail: list[Array],
    window_match: WindowMatch,
) -> Found:
    """The last sight's place with its pixels aligned, and all that speaks for it."""
    place, correlation = settle(*photos, window.source, trail[-1], window.jacobian)
    trail = [*trail, place]
    return Found(
        place,
        window_match.similarity,
        window_match.back,
        tuple(float(np.hypot(*(after - before))) for before, after in pairwise(trail)),
        {
            **support,
            "margin": Measurement(window_match.margin),
            "correlation": Measurement(correlation),
            "moved_px": Measurement(float(np.hypot(*(place - trail[1]))), "px"),
        },
    )
