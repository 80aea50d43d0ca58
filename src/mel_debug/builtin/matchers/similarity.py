"""Matchers that compare the mole's vector with each patch of the target by one number."""

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
"""(moles, dimensions) and (cells, dimensions) to scores of (moles, cells), higher is more alike.

The mask, (cells,), tells which cells count, for metrics that compare cells with each other.
"""

MOLES_AT_ONCE = 64
"""Score grids of the source in memory at a time; a grid of 25-megapixel detail takes 0.2 MB."""


def build(metric: str, options: BuildOptions) -> "SimilarityMatcher":
    """The matcher of a metric's name with the options every similarity matcher has."""
    pool = int(options["pool"])
    if pool % 2 == 0:
        raise UsageError(f"option 'pool' is an odd number of cells, not {pool}")
    metrics: dict[str, Metric] = {"cosine": cosine, "dot": dot, "euclidean": euclidean}
    return SimilarityMatcher(
        metrics.get(metric) or partial(softmax, temperature=float(options["temperature"])),
        pool_radius=pool // 2,
        interpolate=bool(options["interpolate"]),
        at_peak=options["place"] == "peak",
        best_view=options["views"] == "best",
    )


def cosine(wanted: Array, patches: Array, valid: Mask) -> Array:
    """Cosine similarity."""
    return dot(unit(wanted), unit(patches), valid)


def dot(wanted: Array, patches: Array, _kept: Mask) -> Array:
    """Dot product."""
    scores: Array = wanted @ patches.T
    return scores


def euclidean(wanted: Array, patches: Array, valid: Mask) -> Array:
    """Negative Euclidean distance.

    From |a - b|^2 = |a|^2 - 2ab + |b|^2, so that no (moles, cells, dimensions) array is made.
    """
    products = dot(wanted, patches, valid)
    squares = (wanted**2).sum(axis=1)[:, None] - 2 * products + (patches**2).sum(axis=1)
    distances: Array = np.sqrt(np.maximum(squares, 0))
    return -distances


def softmax(wanted: Array, patches: Array, valid: Mask, *, temperature: float) -> Array:
    """Softmax of cosine / temperature over the valid cells; they sum to 1, all others are 0."""
    logits = cosine(wanted, patches, valid) / temperature
    logits[:, ~valid] = -np.inf
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def unit(vectors: Array) -> Array:
    """Vectors scaled to length 1 along the last axis; the zero vector stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    result: Array = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return result


@dataclass(frozen=True, slots=True)
class SimilarityMatcher:
    """Scores every target patch against each mole's vector; the best valid cell wins.

    `pool_radius` averages the mole's vector over its neighbours, `interpolate` takes it between
    cells. `at_peak` places the answer between cells instead of at the best one's centre.
    `best_view` gives each target cell the score of the view most like it; otherwise the views'
    vectors are averaged first.
    """

    metric: Metric
    pool_radius: int = 0
    interpolate: bool = False
    at_peak: bool = False
    best_view: bool = False

    def match(
        self, queries: Sequence[Query], target: FeatureMap, extractor: FeatureExtractor
    ) -> list[Match]:
        """All vectors of all moles in one matrix product; see `Matcher.match`."""
        if not queries:
            return []
        groups = [self._vectors(query) for query in queries]
        scores = self._scores(np.concatenate(groups), target)
        ends = np.cumsum([len(group) for group in groups])
        surfaces = [
            scores[end - len(group) : end].max(axis=0)
            for group, end in zip(groups, ends, strict=True)
        ]
        places = [self._place(surface, target) for surface in surfaces]
        distances = self.cycle_error_px(queries, [target.at(place) for place in places])
        return [
            _answer(query, target, surface, place, cycle_error_px)
            for query, surface, place, cycle_error_px in zip(
                queries, surfaces, places, distances, strict=True
            )
        ]

    def _scores(self, wanted: Array, features: FeatureMap) -> Array:
        """(vectors, dimensions) to (vectors, rows, columns)."""
        patches = features.vectors.reshape(-1, features.dimensions)
        scores = self.metric(wanted, patches, features.valid.ravel())
        return scores.reshape(-1, features.grid.rows, features.grid.columns)

    def _vectors(self, query: Query) -> Array:
        """What stands for a mole, (1 or views, dimensions).

        Several views that are averaged are averaged as unit vectors, and given the mean length of
        the views so that lengths keep their meaning for metrics that use them.
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
        """How far from each mole the best match of its found vector lies; the views' median."""
        distances: list[list[float]] = [[] for _ in queries]
        for features, looks in _by_features(queries).items():
            for start in range(0, len(looks), MOLES_AT_ONCE):
                some = looks[start : start + MOLES_AT_ONCE]
                scores = self._scores(np.stack([found[number] for number, _ in some]), features)
                for surface, (number, point) in zip(scores, some, strict=True):
                    distances[number].append(self._place(surface, features).distance_to(point))
        return [float(np.median(each)) for each in distances]


def _by_features(queries: Sequence[Query]) -> dict[FeatureMap, list[tuple[int, Point]]]:
    """For each source's feature map: the numbers of the queries that view it, and the points."""
    looks: dict[FeatureMap, list[tuple[int, Point]]] = {}
    for number, query in enumerate(queries):
        for view in query.views:
            looks.setdefault(view.features, []).append((number, view.point))
    return looks


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
