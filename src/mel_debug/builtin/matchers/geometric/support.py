"""Whether matches of a neighbourhood agree with a warp field better than by chance."""

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


def local_support(places: Array, residuals: Array, reach: Array, right: float) -> Array:
    """Return the share of right matches around each match, (n,), estimated from residuals.

    A match at random has its residual anywhere in the disc that was searched, whose mean square is
    half its radius squared. Right ones have the mean square `right`. The mean square of a
    neighbourhood lies between the two in proportion to the share of right matches. `places` are
    (n, 2) cells, `residuals` and `reach`, the radii, are (n,) cells.
    """
    if not len(places):
        return np.empty(0)
    blocks = np.floor(places / BLOCK).astype(int)
    blocks -= blocks.min(axis=0)
    shape = blocks.max(axis=0) + 1
    numbers = blocks[:, 1] * shape[0] + blocks[:, 0]
    chance = reach**2 / 2
    found = np.minimum(residuals**2, reach**2)

    def around(values: Array) -> Array:
        """Sums over the neighbourhood of each match."""
        sums = np.bincount(numbers, values, int(shape.prod())).reshape(shape[::-1])
        wide = cv2.boxFilter(
            sums, -1, (BLOCKS, BLOCKS), normalize=False, borderType=cv2.BORDER_CONSTANT
        )
        each: Array = wide.ravel()[numbers]
        return each

    gained, possible, count = (
        around(values) for values in (chance - found, chance - right, np.ones(len(places)))
    )
    possible = np.maximum(possible, 1e-9) * (1 + PRIOR_MATCHES / count)
    support: Array = np.clip(gained / possible, 0.0, 1.0)
    return support
