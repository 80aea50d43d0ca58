"""What the matcher computes of one photo alone, in the cache, as a photo is in many pairs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.stages import ResultCache
from mel_debug.core.types import Vectors

MAX_HALF_ERROR = 1e-3
"""Vectors are stored in half precision if it changes none by more than this share of its length, as
those of whole photos are."""

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Variants:
    """Arrays of photos by key: those in `results`, if anything is stored, or computed and stored.

    A key of None stores nothing. Stored arrays and those just computed have the same bits.
    """

    results: ResultCache | None = None

    def vectors(
        self, key: str | None, shape: tuple[int, int], compute: Callable[[], Vectors]
    ) -> Vectors:
        """The (rows, columns, dimensions) vectors of a key, for a grid of `shape`."""
        found = self.arrays(
            key,
            lambda: {"vectors": compute() if key is None else _in_half_precision(compute())},
            lambda arrays: arrays["vectors"].ndim == 3 and arrays["vectors"].shape[:2] == shape,
        )
        return found["vectors"].astype(np.float32, copy=False)

    def arrays(
        self, key: str | None, compute: Callable[[], Arrays], is_right: Callable[[Arrays], bool]
    ) -> Arrays:
        """The arrays of a key; stored ones only if they are right, as `is_right` says."""
        if key is None or self.results is None:
            return compute()
        stored = self.results.find(key, of_pair=False)
        if stored is not None and _holds(stored, is_right):
            return stored
        arrays = compute()
        self.results.store(key, arrays, of_pair=False)
        return arrays


def _holds(arrays: Arrays, is_right: Callable[[Arrays], bool]) -> bool:
    try:
        return is_right(arrays)
    except KeyError:
        return False


def _in_half_precision(vectors: Vectors) -> NDArray[np.float16] | Vectors:
    with np.errstate(over="ignore"):
        half = vectors.astype(np.float16)
    errors = np.linalg.norm(half.astype(np.float32) - vectors, axis=-1)
    return half if (errors <= MAX_HALF_ERROR * np.linalg.norm(vectors, axis=-1)).all() else vectors
