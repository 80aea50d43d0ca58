"""The second look: small windows of both photos around a mole, compared by their features."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.matchers.geometric.arrays import Array, Flags
from mel_debug.builtin.matchers.geometric.warping import cut, valid_in_window
from mel_debug.builtin.matchers.similarity import unit
from mel_debug.core.geometry import Cell
from mel_debug.core.peaks import peak_at
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import Photo, Vectors

HALF = 15
"""Window cells from the mole's cell to the window's edge; 31 cells of 8 px nearly fill 256 px."""

SURE_HALF = 11
"""The same where the place is known to about a cell of the photo: 23 cells of 8 px fit 192 px."""

TEMPLATE = 2
"""Window cells compared around the mole, to each side; `half - TEMPLATE` are searched."""

REACH = HALF - TEMPLATE
"""Window cells around the middle that are searched in the larger window."""

BLUNT = 0.04
"""Difference of similarity that is worth one unit of log prior."""

RIVAL = 3
"""Window cells around the best place that are not another place."""

MASKED = -1.0
"""Similarity of a place outside the mask."""

AT_ONCE = 16
"""Glimpses described together: 32 windows, at most as many pixels as one photo of 1400 px."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A mole about to be looked at: where it is in the source and may be in the target.

    Places are (2,) photo pixels. `jacobian` is (2, 2), pixels of the target by row for pixels of
    the source by column. `sigma` says, in pixels of the source, how far off `target` may be, and
    `half` is the number of window cells to each side of the mole's.
    """

    source: Array
    target: Array
    jacobian: Array
    zoom: float
    sigma: float
    half: int = HALF


@dataclass(frozen=True, slots=True, eq=False)
class WindowMatch:
    """What a look found: the place in the target, and how well it stands out.

    `margin` is the similarity there, prior included, over that of the best other place. `back`, in
    pixels of the source, is how far from the mole a search back from the place ends; None when the
    place is too near the window's edge to tell.
    """

    target: Array
    similarity: float
    margin: float
    back: float | None


def look(
    source: Photo, target: Photo, windows: Sequence[Window], extractor: FeatureExtractor
) -> list[WindowMatch]:
    """One look at each mole; windows of one size are described in batches."""
    sights: dict[int, WindowMatch] = {}
    for half in sorted({window.half for window in windows}):
        alike = [number for number, window in enumerate(windows) if window.half == half]
        for start in range(0, len(alike), AT_ONCE):
            some = alike[start : start + AT_ONCE]
            seen = _seen(source, target, [windows[number] for number in some], half, extractor)
            sights.update(zip(some, seen, strict=True))
    return [sights[number] for number in range(len(windows))]


def _seen(
    source: Photo,
    target: Photo,
    windows: Sequence[Window],
    half: int,
    extractor: FeatureExtractor,
) -> list[WindowMatch]:
    cells = 2 * half + 1
    side = cells * extractor.patch
    pictures = [cut(source, g.source, np.eye(2) / g.zoom, side) for g in windows]
    pictures += [cut(target, g.target, g.jacobian / g.zoom, side) for g in windows]
    vectors = unit(extractor.extract(np.stack(pictures)))
    sights = []
    for window, here, there in zip(
        windows, vectors[: len(windows)], vectors[len(windows) :], strict=True
    ):
        cell = extractor.patch / window.zoom
        here_kept = valid_in_window(source, window.source, np.eye(2) * cell, cells)
        there_kept = valid_in_window(target, window.target, window.jacobian * cell, cells)
        sights.append(_compared(window, cell, (here, here_kept), (there, there_kept)))
    return sights


Side = tuple[Vectors, Flags]
"""Unit vectors (cells, cells, dimensions) of a window and which of its cells count."""


def _compared(window: Window, cell: float, source: Side, target: Side) -> WindowMatch:
    """The most alike place of the target's window, given the prior; `cell` in source pixels."""
    half, reach = window.half, window.half - TEMPLATE
    like = likeness(source, target, Cell(half, half))
    inner = slice(TEMPLATE, TEMPLATE + 2 * reach + 1)
    inside = target[1][inner, inner]
    away = np.arange(-reach, reach + 1) * cell
    prior = (away[:, np.newaxis] ** 2 + away**2) / (2 * window.sigma**2)
    score = np.where(inside, like, MASKED) - BLUNT * prior
    row, column = divmod(int(score.argmax()), score.shape[1])
    peak = peak_at(like, np.ones(like.shape, dtype=bool), Cell(row, column))
    shift = (np.array([peak[1], peak[0]]) - reach) * cell
    rivals = score.copy()
    near = (
        slice(max(0, row - RIVAL), row + RIVAL + 1),
        slice(max(0, column - RIVAL), column + RIVAL + 1),
    )
    rivals[near] = -np.inf
    return WindowMatch(
        target=window.target + window.jacobian @ shift,
        similarity=float(like[row, column]),
        margin=float(score[row, column] - rivals.max()),
        back=_back(source, target, Cell(TEMPLATE + row, TEMPLATE + column), cell),
    )


def _back(source: Side, target: Side, found: Cell, cell: float) -> float | None:
    """How far from the mole the search back from a found cell ends, in pixels of the source."""
    half = len(source[1]) // 2
    reach = half - TEMPLATE
    if max(abs(found.row - half), abs(found.column - half)) > reach - TEMPLATE:
        return None
    like = likeness(target, source, found)
    row, column = divmod(int(like.argmax()), like.shape[1])
    return float(np.hypot(row - reach, column - reach) * cell)


def likeness(source: Side, target: Side, centre: Cell) -> NDArray[np.float32]:
    """How alike the neighbourhood of a cell is to that of each cell near the target's middle.

    (cells - 2 TEMPLATE) squared, -1 to 1: cosines over TEMPLATE cells to each side, with Gaussian
    weights of one cell. Cells outside either mask don't count.
    """
    (here, here_kept), (there, there_kept) = source, target
    steps = range(-TEMPLATE, TEMPLATE + 1)
    around = (
        slice(centre.row - TEMPLATE, centre.row + TEMPLATE + 1),
        slice(centre.column - TEMPLATE, centre.column + TEMPLATE + 1),
    )
    cosines = (there @ here[around].reshape(-1, here.shape[-1]).T) * there_kept[..., np.newaxis]
    width = len(there) - 2 * TEMPLATE
    total = np.zeros((width, width), dtype=np.float32)
    weights = np.full((width, width), 1e-6, dtype=np.float32)
    for number, (down, across) in enumerate(product(steps, steps)):
        if (down or across) and not here_kept[centre.row + down, centre.column + across]:
            continue
        top, left = TEMPLATE + down, TEMPLATE + across
        shifted = np.s_[top : top + width, left : left + width]
        weight = np.float32(np.exp(-(down**2 + across**2) / 2))
        total += weight * cosines[shifted][..., number]
        weights += weight * there_kept[shifted]
    like: NDArray[np.float32] = total / weights
    return like
