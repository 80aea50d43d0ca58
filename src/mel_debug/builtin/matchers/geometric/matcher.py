"""The matcher `geometric`: a warp field between the photos, then windows at rising resolution."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.builtin.matchers.geometric.locating import ViewMatch, locate
from mel_debug.builtin.matchers.geometric.one_thread import one_thread
from mel_debug.builtin.matchers.geometric.pair_cache import PairCache
from mel_debug.builtin.matchers.geometric.photo_pair import PhotoPair
from mel_debug.builtin.matchers.geometric.warp_field import WarpField
from mel_debug.builtin.matchers.similarity import SimilarityMatcher, cosine
from mel_debug.core.geometry import Point
from mel_debug.core.stages import FeatureExtractor, PhotoMap, ResultCache
from mel_debug.core.types import FeatureMap, Match, Measurement, Query, View

ALIGNED_STD_PX = 0.3
"""Standard deviation of a position after pixel alignment: the median error on generated photos is
0.33 px (`benchmarks/localisation.py generated`), and a Rayleigh distribution's is 1.18 sigma."""


@dataclass(frozen=True, slots=True)
class GeometricMatcher:
    """Finds moles with a warp field between two photos; see the package for the method.

    Photos without a warp field are searched by plain similarity, which a note of the match states.
    """

    plain: SimilarityMatcher
    pairs: PairCache = field(default_factory=PairCache, compare=False, repr=False)

    @one_thread()
    def match(
        self, queries: Sequence[Query], target: FeatureMap, extractor: FeatureExtractor
    ) -> list[Match]:
        """See `Matcher.match`; `scores` are plain similarities, `best` follows from geometry."""
        matches = self.plain.match(queries, target, extractor)
        found: list[list[ViewMatch]] = [[] for _ in queries]
        matched = tried = 0
        for source, views in _by_source(queries).items():
            pair = self.pairs.of(source, target, extractor)
            matched, tried = max(matched, pair.first.matched), max(tried, pair.first.tried)
            if pair.warp_field is not None:
                points = np.array([[view.point.x, view.point.y] for _, view in views])
                answers = locate(
                    pair, pair.warp_field, points, (source.photo, target.photo), extractor
                )
                for (number, _), answer in zip(views, answers, strict=True):
                    found[number].append(answer)
            self.pairs.store(source, target)
        combined = [
            replace(_combined(match, answers, len(query.views), matched), details=_details(tried))
            for query, match, answers in zip(queries, matches, found, strict=True)
        ]
        return [
            self._with_cycle_error(query, match, target)
            for query, match in zip(queries, combined, strict=True)
        ]

    @one_thread()
    def photo_map(
        self,
        source: FeatureMap,
        target: FeatureMap,
        extractor: FeatureExtractor,
        meanwhile: Callable[[], None] | None = None,
    ) -> PhotoMap | None:
        """See `MapsPhotos.photo_map`."""
        pair = self.pairs.of(source, target, extractor, meanwhile)
        self.pairs.store(source, target)
        return None if pair.warp_field is None else PixelMap(pair, pair.warp_field)

    def _with_cycle_error(self, query: Query, match: Match, target: FeatureMap) -> Match:
        """Return the match with a cycle error, from whole photos if the windows had none."""
        if match.cycle_error_px is not None:
            return match
        (distance,) = self.plain.cycle_error_px([query], [target.between(match.best)])
        return replace(match, cycle_error_px=distance)


@dataclass(frozen=True, slots=True, eq=False)
class PixelMap:
    """The warp field of a pair of photos in pixels; see `PhotoMap`."""

    pair: PhotoPair
    warp_field: WarpField

    def points(self, points: Array) -> Array:
        """See `PhotoMap.points`."""
        places: Array = self.warp_field(points / self.pair.source.cell) * self.pair.target.cell
        return places

    def jacobians(self, points: Array) -> Array:
        """See `PhotoMap.jacobians`."""
        here, there = self.pair.source.cell, self.pair.target.cell
        jacobians: Array = there[:, np.newaxis] * self.warp_field.jacobians(points / here) / here
        return jacobians

    def std_px(self, points: Array) -> Array:
        """See `PhotoMap.std_px`; the warp field's own, with its local scale."""
        at = points / self.pair.source.cell
        scale = np.sqrt(np.abs(np.linalg.det(self.warp_field.jacobians(at))))
        std: Array = self.warp_field.std(at) * scale * float(self.pair.target.cell.mean())
        return std


def build(results: ResultCache | None = None) -> GeometricMatcher:
    """Return the matcher with cosine similarity for its scores and as its fallback.

    What it finds out about pairs of photos is stored in `results`.
    """
    plain = SimilarityMatcher(cosine, interpolate=True, at_peak=True)
    return GeometricMatcher(plain, PairCache(results))


def _by_source(queries: Sequence[Query]) -> dict[FeatureMap, list[tuple[int, View]]]:
    """Return the views of each source photo with the indices of their queries."""
    views: dict[FeatureMap, list[tuple[int, View]]] = {}
    for number, query in enumerate(queries):
        for view in query.views:
            views.setdefault(view.features, []).append((number, view))
    return views


def _plain(jacobian: Array) -> tuple[tuple[float, float], tuple[float, float]]:
    (xx, xy), (yx, yy) = jacobian.tolist()
    return (xx, xy), (yx, yy)


def _details(tried: int) -> tuple[str, ...]:
    """Return that a pair was hard, if its first plane map did not do."""
    if tried == 1:
        return ()
    hard = f"hard pair: {tried} first geometries were tried"
    return (f"{hard}, so the photos took up to 3 times as long to match",)


def _combined(match: Match, answers: list[ViewMatch], views: int, matched: int) -> Match:
    """Return the match at the position of the view with the smallest warp field std."""
    if not answers:
        note = f"the photos share too little for geometry (at most {matched} matches fit one map)"
        return replace(match, notes=(*match.notes, f"{note}: plain similarity instead"))
    # Of several views only the first is drawn, and of that there may be no answer.
    jacobian = answers[0].jacobian if len(answers) == views else None
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
        likelihood=best.likelihood.on_grid(match.grid),
        jacobian=None if jacobian is None else _plain(jacobian),
    )
