"""Telling whether a stage wrote to what it was only to read."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.types import FeatureMap, Match, Query

Array = NDArray[np.generic]


def arrays_of(
    queries: Iterable[Query], target: FeatureMap, matches: Iterable[Match] = ()
) -> list[Array]:
    """Every array that a matcher or a renderer gets to see."""
    maps = [view.features for query in queries for view in query.views]
    arrays: list[Array] = []
    for seen in (*maps, target):
        scaled = seen.photo.scaled(seen.grid.scaled)
        arrays += [seen.vectors, seen.valid, seen.photo.pixels, scaled]
        arrays += [] if seen.photo.mask is None else [seen.photo.mask]
    for match in matches:
        arrays += [match.scores, match.valid]
    return arrays


def copies(arrays: Iterable[Array]) -> list[Array]:
    return [array.copy() for array in arrays]


def same(arrays: Iterable[Array], before: Iterable[Array]) -> bool:
    """Whether arrays still hold what their copies hold."""
    return all(np.array_equal(*pair) for pair in zip(arrays, before, strict=True))


def locked(arrays: Iterable[Array]) -> None:
    """Make arrays read-only: writing to one now raises ValueError."""
    for array in arrays:
        array.flags.writeable = False
