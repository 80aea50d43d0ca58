"""How likely a mole is at each place that was searched: similarity times prior."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.core.geometry import PatchGrid

MOST_SAMPLES = 8
"""Most samples along each side of a cell of the grid: window cells are hardly smaller."""


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """The likelihood of each cell of a window of the target, relative to the most likely cell.

    `values` is (n, n), n odd, from 0 to 1; cells outside the mask have 0. `centre` is the window's
    centre, (2,) pixels of the target, and `step` is (2, 2): pixels of the target by row for each
    column and row of cells by column.
    """

    values: Array
    centre: Array
    step: Array

    def on_grid(self, grid: PatchGrid) -> NDArray[np.float32]:
        """The greatest likelihood in each cell of a grid over the target, (rows, columns).

        Interpolated linearly between the centres of cells; places outside the window have 0.
        """
        size = np.array([grid.photo.width / grid.columns, grid.photo.height / grid.rows])
        finest = np.linalg.svd(self.step, compute_uv=False)[-1]
        samples = int(np.clip(np.ceil(2 * size.max() / finest), 1, MOST_SAMPLES))
        likelihood = np.zeros((grid.rows, grid.columns), np.float32)
        left, top, right, bottom = self._cells(size, grid)
        if left >= right or top >= bottom:
            return likelihood
        x = (np.arange(left * samples, right * samples) + 0.5) / samples * size[0]
        y = (np.arange(top * samples, bottom * samples) + 0.5) / samples * size[1]
        inverse = np.linalg.inv(self.step)
        away_x, away_y = x - self.centre[0], (y - self.centre[1])[:, np.newaxis]
        middle = (len(self.values) - 1) / 2
        columns, rows = (
            (inverse[axis, 0] * away_x + inverse[axis, 1] * away_y + middle).astype(np.float32)
            for axis in (0, 1)
        )
        values = cv2.remap(self.values.astype(np.float32), columns, rows, cv2.INTER_LINEAR)
        cells = values.reshape(bottom - top, samples, right - left, samples)
        likelihood[top:bottom, left:right] = cells.max(axis=(1, 3))
        return likelihood

    def _cells(self, size: Array, grid: PatchGrid) -> tuple[int, int, int, int]:
        """Return the left, top, right and bottom cells of the grid that the window may reach.

        Right and bottom are exclusive. Beyond the outermost centres it fades over one more cell.
        """
        reach = np.abs(self.step).sum(axis=1) * ((len(self.values) + 1) / 2)
        most = np.array([grid.columns, grid.rows])
        first = np.clip(np.floor((self.centre - reach) / size), 0, most).astype(int)
        last = np.clip(np.ceil((self.centre + reach) / size), 0, most).astype(int)
        return int(first[0]), int(first[1]), int(last[0]), int(last[1])
