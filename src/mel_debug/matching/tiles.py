"""Extracting the features of a large image in overlapping windows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.errors import UsageError
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import Pixels, Vectors

BATCH_PIXELS = 896 * 896
"""Maximum pixels of a batch of windows or photos, about those of one photo at the default size.
Measured: larger batches are no faster on a processor, and their memory grows."""

MARGIN_SHARE = 0.25
"""Share of an overlap at the edge of a window that has no weight, as its cells lack context; over
the rest of the overlap the weight rises smoothly."""

T = TypeVar("T")


class Progress(Protocol):
    """Yields the items one by one while showing progress under a label."""

    def __call__(self, items: Sequence[T], label: str, /) -> Iterable[T]: ...


def no_progress(items: Sequence[T], _label: str) -> Iterable[T]:
    """Progress that shows nothing."""
    return items


@dataclass(frozen=True, slots=True)
class Windows:
    """Square windows of `side` scaled pixels that overlap by at least the share `overlap`."""

    side: int
    overlap: float = 0.25

    def __post_init__(self) -> None:
        if not 0 <= self.overlap <= 0.9:
            raise UsageError(f"`overlap` must be from 0 to 0.9 of a window, not {self.overlap:g}")

    def starts(self, cells: int, patch: int) -> list[int]:
        """The first cell of each window along an axis: evenly spaced from end to end."""
        window = min(self.side // patch, cells)
        if window < 1:
            raise UsageError(f"a window of {self.side} px is smaller than a patch of {patch} px")
        stride = max(1, int(window * (1 - self.overlap)))
        count = 1 + -(-(cells - window) // stride)
        return [round(number * (cells - window) / max(1, count - 1)) for number in range(count)]


def extract_in_windows(
    extractor: FeatureExtractor, image: Pixels, windows: Windows, progress: Progress = no_progress
) -> Vectors:
    """The vectors of an image, (rows, columns, dimensions), blended from those of windows."""
    patch = extractor.patch
    rows, columns = image.shape[0] // patch, image.shape[1] // patch
    tops, lefts = windows.starts(rows, patch), windows.starts(columns, patch)
    height, width = min(windows.side // patch, rows), min(windows.side // patch, columns)
    corners = [(top, left) for top in tops for left in lefts]
    at_once = max(1, BATCH_PIXELS // (height * width * patch * patch))
    batches = [corners[start : start + at_once] for start in range(0, len(corners), at_once)]
    down, across = _weights(tops, height), _weights(lefts, width)
    blended = np.zeros((rows, columns, 0), dtype=np.float32)
    total = np.zeros((rows, columns, 1), dtype=np.float32)
    for batch in progress(batches, "windows"):
        vectors = extractor.extract(
            np.stack(
                [
                    image[
                        top * patch : (top + height) * patch, left * patch : (left + width) * patch
                    ]
                    for top, left in batch
                ]
            )
        )
        if not blended.size:
            blended = np.zeros((rows, columns, vectors.shape[-1]), dtype=np.float32)
        for (top, left), part in zip(batch, vectors, strict=True):
            weight = (down[top][:, np.newaxis] * across[left])[..., np.newaxis]
            blended[top : top + height, left : left + width] += weight * part
            total[top : top + height, left : left + width] += weight
    blended /= total
    return blended


def _weights(starts: list[int], window: int) -> dict[int, NDArray[np.float32]]:
    """The weight of each cell of a window along one axis, by the window's first cell."""
    weights = {}
    for number, start in enumerate(starts):
        weight = np.ones(window, dtype=np.float32)
        if number:
            rise = _rise(starts[number - 1] + window - start)
            weight[: len(rise)] *= rise
        if number + 1 < len(starts):
            rise = _rise(start + window - starts[number + 1])
            weight[window - len(rise) :] *= rise[::-1]
        weights[start] = weight
    return weights


def _rise(overlap: int) -> NDArray[np.float32]:
    """Weights from 0 to 1 over the cells of an overlap; they and their mirror image add up to 1."""
    places = (np.arange(overlap) + 0.5) / max(overlap, 1)
    ramp = np.clip((places - MARGIN_SHARE) / (1 - 2 * MARGIN_SHARE), 0, 1)
    return np.sin(ramp * np.pi / 2).astype(np.float32) ** 2
