"""Matching of small windows of both photos around a mole by their features."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.matchers.geometric.arrays import Array, Flags
from mel_debug.builtin.matchers.geometric.likelihood import Likelihood
from mel_debug.builtin.matchers.similarity import unit
from mel_debug.core.geometry import Cell
from mel_debug.core.peaks import peak_at
from mel_debug.core.sampling import sample_window, valid_in_window
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import Photo, Vectors

HALF = 15
"""Window cells from the central cell to the window's edge; 31 cells of 8 px take 248 px."""

SMALL_HALF = 11
"""The same if the position is known to about a cell of the photo: 23 cells of 8 px take 184 px."""

TEMPLATE = 2
"""Cells of the template to each side of the mole; `half - TEMPLATE` cells are searched."""

REACH = HALF - TEMPLATE
"""Cells to each side of the centre that are searched in the larger window."""

PRIOR_WEIGHT = 0.04
"""Similarity that is worth one unit of log prior."""

RIVAL_CELLS = 3
"""Cells around the best position in which no rival is considered for the margin."""

MASKED_SIMILARITY = -1.0
"""Similarity of cells outside the mask."""

BATCH_WINDOWS = 16
"""Moles per batch: 32 windows have at most as many pixels as one photo of 1400 px."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A pair of windows to compare: around a mole in the source and its prediction in the target.

    `source` and `target` are (2,) photo pixels. `jacobian` is (2, 2), target pixels by row per
    source pixel by column. `zoom` is window pixels per source pixel. `sigma` is the prior's
    standard deviation in source pixels, and `half` the number of cells to each side of the
    central cell. `rival_sigma` replaces `sigma` in the margin; None if that is the same.
    """

    source: Array
    target: Array
    jacobian: Array
    zoom: float
    sigma: float
    half: int = HALF
    rival_sigma: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class WindowMatch:
    """The best position in the target's window.

    `target` is (2,) photo pixels of the target. `margin` is the score there minus that of the best
    rival; both include the prior with `rival_sigma`, so that it is below 0 if only a narrow prior
    speaks against the rival. `cycle_error_px` is in pixels of the source; None if the
    position is too close to the window's edge for a search back. `likelihood` is that of all
    searched cells.
    """

    target: Array
    similarity: float
    margin: float
    cycle_error_px: float | None
    likelihood: Likelihood


def match_windows(
    source: Photo, target: Photo, windows: Sequence[Window], extractor: FeatureExtractor
) -> list[WindowMatch]:
    """Compare each pair of windows; features of windows of one size are extracted in batches."""
    matches: dict[int, WindowMatch] = {}
    for half in sorted({window.half for window in windows}):
        same_size = [number for number, window in enumerate(windows) if window.half == half]
        for start in range(0, len(same_size), BATCH_WINDOWS):
            some = same_size[start : start + BATCH_WINDOWS]
            batch = _match_batch(
                source, target, [windows[number] for number in some], half, extractor
            )
            matches.update(zip(some, batch, strict=True))
    return [matches[number] for number in range(len(windows))]


def _match_batch(
    source: Photo,
    target: Photo,
    windows: Sequence[Window],
    half: int,
    extractor: FeatureExtractor,
) -> list[WindowMatch]:
    cells = 2 * half + 1
    side = cells * extractor.patch
    pictures = [sample_window(source, each.source, np.eye(2) / each.zoom, side) for each in windows]
    pictures += [
        sample_window(target, each.target, each.jacobian / each.zoom, side) for each in windows
    ]
    vectors = unit(extractor.extract(np.stack(pictures)))
    matches = []
    for window, here, there in zip(
        windows, vectors[: len(windows)], vectors[len(windows) :], strict=True
    ):
        cell = extractor.patch / window.zoom
        here_valid = valid_in_window(source, window.source, np.eye(2) * cell, cells)
        there_valid = valid_in_window(target, window.target, window.jacobian * cell, cells)
        matches.append(_match_window(window, cell, (here, here_valid), (there, there_valid)))
    return matches


WindowFeatures = tuple[Vectors, Flags]
"""Unit vectors (cells, cells, dimensions) of a window and its (cells, cells) valid mask."""


def _match_window(
    window: Window, cell: float, source: WindowFeatures, target: WindowFeatures
) -> WindowMatch:
    """Return the best match given the prior; `cell` is a cell's size in source pixels."""
    half, reach = window.half, window.half - TEMPLATE
    similarities = similarity_map(source, target, Cell(half, half))
    inner = slice(TEMPLATE, TEMPLATE + 2 * reach + 1)
    inside = target[1][inner, inner]
    away = np.arange(-reach, reach + 1) * cell
    prior = (away[:, np.newaxis] ** 2 + away**2) / (2 * window.sigma**2)
    shown = np.where(inside, similarities, MASKED_SIMILARITY)
    posterior = shown - PRIOR_WEIGHT * prior
    row, column = divmod(int(posterior.argmax()), shown.shape[1])
    peak = peak_at(similarities, np.ones(similarities.shape, dtype=bool), Cell(row, column))
    shift = (np.array([peak[1], peak[0]]) - reach) * cell
    # A narrow prior decides between rivals, but does not make the place any more distinct.
    score = (
        shown - PRIOR_WEIGHT * prior * (window.sigma / (window.rival_sigma or window.sigma)) ** 2
    )
    rivals = score.copy()
    near = (
        slice(max(0, row - RIVAL_CELLS), row + RIVAL_CELLS + 1),
        slice(max(0, column - RIVAL_CELLS), column + RIVAL_CELLS + 1),
    )
    rivals[near] = -np.inf
    return WindowMatch(
        target=window.target + window.jacobian @ shift,
        similarity=float(similarities[row, column]),
        margin=float(score[row, column] - rivals.max()),
        cycle_error_px=_cycle_error_px(
            source, target, Cell(TEMPLATE + row, TEMPLATE + column), cell
        ),
        likelihood=Likelihood(
            np.where(inside, np.exp((posterior - posterior.max()) / PRIOR_WEIGHT), 0),
            window.target,
            window.jacobian * cell,
        ),
    )


def _cycle_error_px(
    source: WindowFeatures, target: WindowFeatures, found: Cell, cell: float
) -> float | None:
    """Return the distance in source pixels between the mole and the best match of a found cell."""
    half = len(source[1]) // 2
    reach = half - TEMPLATE
    if max(abs(found.row - half), abs(found.column - half)) > reach - TEMPLATE:
        return None
    similarities = similarity_map(target, source, found)
    row, column = divmod(int(similarities.argmax()), similarities.shape[1])
    return float(np.hypot(row - reach, column - reach) * cell)


def similarity_map(
    source: WindowFeatures, target: WindowFeatures, centre: Cell
) -> NDArray[np.float32]:
    """Return the similarity of a source cell's template to that around each target cell.

    (n, n) with n = cells - 2 TEMPLATE, from -1 to 1: the mean cosine over TEMPLATE cells to each
    side, with Gaussian weights of sigma one cell. Cells outside either mask have no weight.
    """
    (here, here_valid), (there, there_valid) = source, target
    steps = range(-TEMPLATE, TEMPLATE + 1)
    around = (
        slice(centre.row - TEMPLATE, centre.row + TEMPLATE + 1),
        slice(centre.column - TEMPLATE, centre.column + TEMPLATE + 1),
    )
    cosines = (there @ here[around].reshape(-1, here.shape[-1]).T) * there_valid[..., np.newaxis]
    width = len(there) - 2 * TEMPLATE
    total = np.zeros((width, width), dtype=np.float32)
    weights = np.full((width, width), 1e-6, dtype=np.float32)
    for number, (down, across) in enumerate(product(steps, steps)):
        if (down or across) and not here_valid[centre.row + down, centre.column + across]:
            continue
        top, left = TEMPLATE + down, TEMPLATE + across
        shifted = np.s_[top : top + width, left : left + width]
        weight = np.float32(np.exp(-(down**2 + across**2) / 2))
        total += weight * cosines[shifted][..., number]
        weights += weight * there_valid[shifted]
    similarities: NDArray[np.float32] = total / weights
    return similarities
