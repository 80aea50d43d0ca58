"""Maxima of score grids: the best cell, peaks between cells, and runners-up."""

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.geometry import Cell, PatchGrid, Point
from mel_debug.core.types import Mask

Scores = NDArray[np.float32]
"""(rows, columns), higher is better."""


def best_cell(scores: Scores, valid: Mask) -> Cell:
    """The valid cell with the highest score; among equals, the first in reading order."""
    row, column = divmod(int(np.where(valid, scores, -np.inf).argmax()), scores.shape[1])
    return Cell(row, column)


def peak_at(scores: Scores, valid: Mask, cell: Cell) -> tuple[float, float]:
    """The grid position (row, column) of the score peak near a cell that is a local maximum.

    Fits a quadratic to the 3 x 3 neighbourhood, as SIFT does (Lowe 2004, section 4). If a border or
    the mask cuts the neighbourhood, or the quadratic has no maximum, each axis is fitted on its
    own; along an axis without both neighbours the peak is at the cell's centre.
    """
    row, column = cell.row, cell.column
    around = _neighbourhood(scores, valid, cell)
    if np.isfinite(around).all():
        slope = np.array([around[2, 1] - around[0, 1], around[1, 2] - around[1, 0]]) / 2
        bend_rows = around[2, 1] - 2 * around[1, 1] + around[0, 1]
        bend_columns = around[1, 2] - 2 * around[1, 1] + around[1, 0]
        twist = (around[2, 2] - around[2, 0] - around[0, 2] + around[0, 0]) / 4
        bend = np.array([[bend_rows, twist], [twist, bend_columns]])
        if np.linalg.det(bend) > 0 > bend_rows:
            shift = -np.linalg.solve(bend, slope)
            # The peak of a diagonal ridge may be just outside the highest cell.
            if np.abs(shift).max() <= 1:
                return row + float(shift[0]), column + float(shift[1])
    return row + _parabola(around[:, 1]), column + _parabola(around[1, :])


def peak_point(scores: Scores, valid: Mask, grid: PatchGrid) -> Point:
    """The highest peak of a score grid, between cells, in pixels of the grid's photo."""
    return grid.point_at(*peak_at(scores, valid, best_cell(scores, valid)))


def distinct_peaks(
    scores: Scores, valid: Mask, grid: PatchGrid, radius: float, most: int
) -> list[tuple[Point, float]]:
    """Up to `most` peaks that are more than `radius` photo pixels apart, best first.

    Each is the peak between cells near a valid cell that is a local maximum, with the cell's score.
    Returns fewer if the scores have fewer peaks.
    """
    from skimage.feature import (
        peak_local_max,
    )  # takes a third of a second, and few searches need it

    # The border makes cells at the edge eligible, and a flat surface no special case.
    framed = np.pad(np.where(valid, scores, -np.inf), 1, constant_values=-np.inf)
    found: list[tuple[Point, float]] = []
    for row, column in peak_local_max(framed) - 1:
        place = grid.point_at(*peak_at(scores, valid, Cell(int(row), int(column))))
        if all(place.distance_to(other) > radius for other, _ in found):
            found.append((place, float(scores[row, column])))
        if len(found) == most:
            break
    return found


def rival_score(
    scores: Scores, valid: Mask, grid: PatchGrid, place: Point, radius: float
) -> float | None:
    """The highest score of a valid cell further than `radius` photo pixels from a place."""
    rivals = scores[valid & ~within(grid, place, radius)]
    return float(rivals.max()) if rivals.size else None


def within(grid: PatchGrid, place: Point, radius: float) -> Mask:
    """(rows, columns) bool: the cells whose centre is within `radius` photo pixels of a place."""
    row, column = grid.position_of(place)
    width, height = grid.cell_size
    down = (np.arange(grid.rows) - row) * height
    across = (np.arange(grid.columns) - column) * width
    around: Mask = down[:, np.newaxis] ** 2 + across**2 <= radius**2
    return around


def _neighbourhood(scores: Scores, valid: Mask, cell: Cell) -> NDArray[np.float64]:
    """The 3 x 3 scores around a cell; NaN beyond the grid and outside the mask."""
    inside = np.where(valid, scores, np.nan)
    rows = slice(max(0, cell.row - 1), cell.row + 2)
    columns = slice(max(0, cell.column - 1), cell.column + 2)
    around = np.full((3, 3), np.nan)
    top, left = rows.start - cell.row + 1, columns.start - cell.column + 1
    part = inside[rows, columns]
    around[top : top + part.shape[0], left : left + part.shape[1]] = part
    return around


def _parabola(three: NDArray[np.float64]) -> float:
    """Offset of the vertex of the parabola through three values, at most half a step."""
    before, middle, after = three
    bend = before - 2 * middle + after
    if not np.isfinite(bend) or bend >= 0:
        return 0.0
    return float(np.clip((before - after) / (2 * bend), -0.5, 0.5))
