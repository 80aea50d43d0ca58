"""Matchers that score each cell of the target by its similarity to the mole's feature vector."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.errors import UsageError
from mel_debug.core.geometry import Point
from mel_debug.core.peaks import best_cell, peak_at
from mel_debug.core.stages import BuildOptions, FeatureExtractor
from mel_debug.core.types import FeatureMap, Mask, Match, Query, View

Array = NDArray[np.float32]
Metric = Callable[[Array, Array, Mask], Array]
"""Maps (moles, dimensions) and (cells, dimensions) to scores (moles, cells); higher is better.

The third argument is the valid mask, (cells,), for metrics that normalise over cells.
"""

MOLES_AT_ONCE = 64
"""Score grids of the source in memory at a time; one of a 25-megapixel photo takes 0.2 MB."""


def build(metric: str, options: BuildOptions) -> "SimilarityMatcher":
    """Return the matcher of a metric, with the options of all similarity matchers.

    Raises UsageError if `pool` is even.
    """
    pool = int(options["pool"])
    if pool % 2 == 0:
        raise UsageError(f"option 'pool' needs an odd number of cells, not {pool}")
    metrics: dict[str, Metric] = {"cosine": cosine, "dot": dot, "euclidean": euclidean}
    return SimilarityMatcher(
        metrics.get(metric) or partial(softmax, temperature=float(options["temperature"])),
        pool_radius=pool // 2,
        interpolate=bool(options["interpolate"]),
        at_peak=options["place"] == "peak",
        best_view=options["views"] == "best",
    )


def cosine(vectors: Array, patches: Array, valid: Mask) -> Array:
    """Return cosine similarities; see `Metric`."""
    return dot(unit(vectors), unit(patches), valid)


def dot(vectors: Array, patches: Array, _valid: Mask) -> Array:
    """Return dot products; see `Metric`."""
    scores: Array = vectors @ patches.T
    return scores


def euclidean(vectors: Array, patches: Array, valid: Mask) -> Array:
    """Return negative Euclidean distances; see `Metric`.

    Computed from |a - b|^2 = |a|^2 - 2ab + |b|^2, without a (moles, cells, dimensions) array.
    """
    products = dot(vectors, patches, valid)
    squares = (vectors**2).sum(axis=1)[:, None] - 2 * products + (patches**2).sum(axis=1)
    distances: Array = np.sqrt(np.maximum(squares, 0))
    return -distances


def softmax(vectors: Array, patches: Array, valid: Mask, *, temperature: float) -> Array:
    """Return the softmax of cosine / temperature over the valid cells; all other cells are 0."""
    logits = cosine(vectors, patches, valid) / temperature
    logits[:, ~valid] = -np.inf
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def unit(vectors: Array) -> Array:
    """Return vectors scaled to length 1 along the last axis; zero vectors stay zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    result: Array = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return result


@dataclass(frozen=True, slots=True)
class SimilarityMatcher:
    """Scores every target cell against each mole's vector; the best valid cell is the match.

    `pool_radius` averages the mole's vector over that many cells to each side; `interpolate` takes
    it between cells. `at_peak` returns the peak of the scores between cells instead of the centre
    of the best cell. `best_view` gives each target cell its best score over all views; otherwise
    the views' vectors are averaged first.
    """

    metric: Metric
    pool_radius: int = 0
    interpolate: bool = False
    at_peak: bool = False
    best_view: bool = False

    def match(
        self, queries: Sequence[Query], target: FeatureMap, extractor: FeatureExtractor
    ) -> list[Match]:
        """See `Matcher.match`; all vectors of all moles are compared in one matrix product."""
        if not queries:
            return []
        groups = [self._vectors(query) for query in queries]
        scores = self._scores(np.concatenate(groups), target)
        ends = np.cumsum([len(group) for group in groups])
        score_maps = [
            scores[end - len(group) : end].max(axis=0)
            for group, end in zip(groups, ends, strict=True)
        ]
        places = [self._place(score_map, target) for score_map in score_maps]
        distances = self.cycle_error_px(queries, [target.at(place) for place in places])
        return [
            _answer(query, target, score_map, place, cycle_error_px)
            for query, score_map, place, cycle_error_px in zip(
                queries, score_maps, places, distances, strict=True
            )
        ]

    def _scores(self, vectors: Array, features: FeatureMap) -> Array:
        """Return the scores, (vectors, rows, columns), of vectors, (vectors, dimensions)."""
        patches = features.vectors.reshape(-1, features.dimensions)
        scores = self.metric(vectors, patches, features.valid.ravel())
        return scores.reshape(-1, features.grid.rows, features.grid.columns)

    def _vectors(self, query: Query) -> Array:
        """Return the vectors to search with, (1 or views, dimensions).

        Views are averaged as unit vectors and scaled to their mean length, which `dot` and
        `euclidean` depend on.
        """
        views = np.stack([self._vector(view) for view in query.views])
        if self.best_view or len(views) == 1:
            return views
        length = np.linalg.norm(views, axis=1).mean()
        mean: Array = (unit(views).mean(axis=0, keepdims=True) * length).astype(np.float32)
        return mean

    def _vector(self, view: View) -> Array:
        features = view.features
        if self.pool_radius:
            return features.around(view.point, self.pool_radius)
        if self.interpolate:
            return features.between(view.point)
        return features.at(view.point)

    def _place(self, scores: Array, features: FeatureMap) -> Point:
        cell = best_cell(scores, features.valid)
        if not self.at_peak:
            return features.grid.centre_of(cell)
        return features.grid.point_at(*peak_at(scores, features.valid, cell))

    def cycle_error_px(self, queries: Sequence[Query], found: Sequence[Array]) -> list[float]:
        """Return each query's cycle error in pixels of the source, the median over its views.

        `found` has the target's vector at each match; its best match in the source is compared
        with the mole.
        """
        distances: list[list[float]] = [[] for _ in queries]
        for features, views in _by_features(queries).items():
            for start in range(0, len(views), MOLES_AT_ONCE):
                some = views[start : start + MOLES_AT_ONCE]
                scores = self._scores(np.stack([found[number] for number, _ in some]), features)
                for score_map, (number, point) in zip(scores, some, strict=True):
                    distances[number].append(self._place(score_map, features).distance_to(point))
        return [float(np.median(each)) for each in distances]


def _by_features(queries: Sequence[Query]) -> dict[FeatureMap, list[tuple[int, Point]]]:
    """Group by source feature map: the indices of the queries that view it, and their points."""
    views: dict[FeatureMap, list[tuple[int, Point]]] = {}
    for number, query in enumerate(queries):
        for view in query.views:
            views.setdefault(view.features, []).append((number, view.point))
    return views


def _answer(
    query: Query, target: FeatureMap, scores: Array, best: Point, cycle_error_px: float
) -> Match:
    cell = best_cell(scores, target.valid)
    return Match(
        uuid=query.uuid,
        grid=target.grid,
        scores=scores,
        valid=target.valid,
        best=best,
        score=float(scores[cell.row, cell.column]),
        cycle_error_px=cycle_error_px,
    )
