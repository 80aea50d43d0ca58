"""Whether dark blobs of both photos contradict a warp field that few matches support.

Matches along an edge agree across it only. In a mirrored photo, a shear leads an edge of the body
to its own image and is confirmed by these, and small photos have few matches besides. Blobs of the
skin lie where a right field predicts them, whatever the edges do.
"""

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, Flags
from mel_debug.builtin.matchers.geometric.skin_blobs import all_blobs
from mel_debug.builtin.matchers.geometric.warp_field import KNOWN_STD, WarpField
from mel_debug.core.types import Photo

FEW_MATCHES = 1000
"""Matches from which a warp field needs no blobs to be believed. Those of mirrored photos of half a
megapixel had 129 to 430, right ones of hard generated people of 3 megapixels 348 to 18,800."""

MOST_HERE, MOST_THERE = 150, 300
"""Blobs of the source and of the target that are compared, those with the highest contrast."""

LEAST_BLOBS = 20
"""Blobs where the field is known and in view below which nothing is said."""

WITHIN = 0.006
"""Share of the longer side of the source; a blob this close to its predicted place matches."""

SHIFTS = tuple(
    away * np.array([np.cos(angle), np.sin(angle)])
    for away in (0.02, 0.034)
    for angle in np.arange(12) * np.pi / 6
)
"""Shifts, as shares of the longer side, at which blobs match by chance."""

LEAST_SURPRISE = 4.0
"""Standard deviations of the chance matches by which there must be more. Mirrored photos had up to
3.3, right fields of hard generated people 8.2 and more."""

MOST_SCALE = 2.0
"""Change of scale, either way, above which photos show other blobs and nothing is said."""


def is_contradicted(
    photos: tuple[Photo, Photo], warp_field: WarpField, cells: tuple[Array, Array], matches: int
) -> bool:
    """Whether no more blobs are where the warp field of a source and a target predicts than beside.

    `cells` are the sizes (x, y) of a cell of each photo in its pixels. False where there is too
    little to say so.
    """
    if matches >= FEW_MATCHES:
        return False
    source, target = photos
    here, there = all_blobs(source)[0][:MOST_HERE], all_blobs(target)[0][:MOST_THERE]
    at = here / cells[0]
    predicted = warp_field(at) * cells[1]
    seen = ((predicted >= 0) & (predicted < [target.size.width, target.size.height])).all(axis=1)
    used: Flags = seen & (warp_field.std(at) < KNOWN_STD)
    if used.sum() < LEAST_BLOBS or not len(there):
        return False
    jacobians = cells[1][:, np.newaxis] * warp_field.jacobians(at[used]) / cells[0]
    scale = np.sqrt(np.abs(np.linalg.det(jacobians)))
    if not 1 / MOST_SCALE <= np.median(scale) <= MOST_SCALE:
        return False
    back = np.linalg.pinv(jacobians)
    steps = np.einsum("nij,nmj->nmi", back, there - predicted[used][:, np.newaxis])
    longest = source.size.longest
    count = _matching(steps, WITHIN * longest)
    beside = [_matching(steps - shift * longest, WITHIN * longest) for shift in SHIFTS]
    chance = float(np.mean(beside))
    spread = np.sqrt(max(1.0, chance * (1 - chance / len(steps))))
    return bool(count - chance < LEAST_SURPRISE * spread)


def _matching(steps: Array, within: float) -> int:
    """Return how many of n blobs have one of their (n, m, 2) steps within a distance."""
    return int((np.hypot(steps[..., 0], steps[..., 1]).min(axis=1) < within).sum())
