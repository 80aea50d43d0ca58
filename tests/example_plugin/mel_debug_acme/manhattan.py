"""A matcher: the less the numbers of two patches differ, the more alike they are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.geometry import Cell
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import FeatureMap, Match, Query


@dataclass(frozen=True)
class Manhattan:
    """Sums the differences; `balance` divides each by how much the target varies in it."""

    balance: bool

    def match(
        self, queries: Sequence[Query], target: FeatureMap, extractor: FeatureExtractor
    ) -> list[Match]:
        """One match a query, in their order."""
        spread = target.vectors[target.valid].std(axis=0) + 1e-6 if self.balance else 1
        return [self._match(query, target, spread) for query in queries]

    def _match(
        self, query: Query, target: FeatureMap, spread: NDArray[np.float32] | float
    ) -> Match:
        # Several photos may show the mole: each is a view, with a feature map of its own.
        wanted = np.mean([view.features.at(view.point) for view in query.views], axis=0)
        # Higher must mean more alike, so a distance gets a minus.
        scores = -np.abs((target.vectors - wanted) / spread).sum(axis=-1, dtype=np.float32)
        # Cells outside the mask may score, but never win.
        best = np.where(target.valid, scores, -np.inf).argmax()
        row, column = divmod(int(best), target.grid.columns)
        return Match(
            uuid=query.uuid,
            grid=target.grid,
            scores=scores,
            valid=target.valid,
            best=target.grid.centre_of(Cell(row, column)),
            score=float(scores[row, column]),
        )
