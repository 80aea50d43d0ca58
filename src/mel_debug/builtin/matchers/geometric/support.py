"""Whether matches of a neighbourhood agree with a warp field better than by chance."""

from dataclasses import dataclass

import cv2
import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array

BLOCK = 4.0
"""Cells; side of the blocks in which residuals are averaged."""

BLOCKS = 3
"""Blocks along each side of a neighbourhood: 12 x 12 cells hold up to 144 matches."""

PRIOR_MATCHES = 4.0
"""Matches at the level of chance that are added to every neighbourhood, so that a few matches
support nothing."""

LEAST_MATCHES = 8.0
"""Matches from which a neighbourhood without support speaks against the warp field."""


@dataclass(frozen=True, slots=True, eq=False)
class Support:
    """The share of right matches around each block of 4 x 4 cells, estimated from residuals.

    `shares` and `counts`, the number of matches in a neighbourhood, are (rows, columns) of blocks,
    of which the first begins at `corner`, (2,) blocks.
    """

    shares: Array
    counts: Array
    corner: Array

    @classmethod
    def of(cls, places: Array, residuals: Array, reach: Array, right: float) -> "Support":
        """Estimate the support of at least one match.

        A match at random has its residual anywhere in the disc that was searched, whose mean square
        is half its radius squared. Right ones have the mean square `right`. The mean square of a
        neighbourhood lies between the two in proportion to the share of right matches. `places`
        are (n, 2) cells, `residuals` and `reach`, the radii, are (n,) cells.
        """
        blocks = np.floor(places / BLOCK).astype(int)
        corner = blocks.min(axis=0)
        columns, rows = blocks.max(axis=0) - corner + 1
        numbers = (blocks[:, 1] - corner[1]) * columns + blocks[:, 0] - corner[0]
        chance = reach**2 / 2
        found = np.minimum(residuals**2, reach**2)

        def around(values: Array) -> Array:
            """Sums over the neighbourhood of each block."""
            sums = np.bincount(numbers, values, rows * columns).reshape(rows, columns)
            wide: Array = cv2.boxFilter(
                sums, -1, (BLOCKS, BLOCKS), normalize=False, borderType=cv2.BORDER_CONSTANT
            )
            return wide

        gained, possible, counts = (
            around(values) for values in (chance - found, chance - right, np.ones(len(places)))
        )
        possible = np.maximum(possible, 1e-9) * (1 + PRIOR_MATCHES / np.maximum(counts, 1))
        return cls(np.clip(gained / possible, 0.0, 1.0), counts, corner)

    def at(self, places: Array) -> Array:
        """Return the share of right matches around (n, 2) places; 1 where matches are too few."""
        blocks = np.floor(places / BLOCK).astype(int) - self.corner
        rows, columns = self.shares.shape
        inside = ((blocks >= 0) & (blocks < [columns, rows])).all(axis=1)
        support = np.ones(len(places))
        at = blocks[inside, 1], blocks[inside, 0]
        support[inside] = np.where(self.counts[at] >= LEAST_MATCHES, self.shares[at], 1.0)
        return support
