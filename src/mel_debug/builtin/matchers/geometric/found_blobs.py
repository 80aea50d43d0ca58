"""The dark blobs of a pair's source that have been searched in the target, as anchors."""

import numpy as np

from mel_debug.builtin.matchers.geometric.anchors import Anchors
from mel_debug.builtin.matchers.geometric.arrays import Array


class FoundBlobs:
    """Anchors by their place in the source; a blob is found alike whatever mole it is for.

    Blobs are only added, so `len` says whether there is anything new.
    """

    def __init__(self, anchors: Anchors | None = None) -> None:
        self._rows: dict[tuple[float, float], Array] = {}
        if anchors is not None:
            self.add(anchors)

    def __len__(self) -> int:
        return len(self._rows)

    def has(self, place: Array) -> bool:
        """Whether the blob at a place, (2,) pixels of the source, has been searched."""
        return _key(place) in self._rows

    def add(self, anchors: Anchors) -> None:
        """Add blobs that have been searched."""
        rows = np.column_stack([anchors.places, anchors.offsets, anchors.weights])
        self._rows |= {_key(row): row for row in rows}

    def of(self, places: Array) -> Anchors:
        """Return the anchors at (n, 2) places. Raises KeyError for a blob that was not searched."""
        rows = np.array([self._rows[_key(place)] for place in places]).reshape(-1, 5)
        return Anchors(rows[:, :2], rows[:, 2:4], rows[:, 4])

    def all(self) -> Anchors:
        """Return all blobs, in the order in which they were added."""
        return self.of(np.array(list(self._rows)).reshape(-1, 2))


def _key(place: Array) -> tuple[float, float]:
    return float(place[0]), float(place[1])
