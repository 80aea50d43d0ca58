"""The first guess: one affine map that many matches of whole photos agree with."""

from dataclasses import dataclass

import cv2
import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, Coarse, Flags, centres, with_ones
from mel_debug.builtin.matchers.geometric.correspondences import mutual

TOLERANCE = 2.5
"""Cells by which a bent body part may be off one affine map."""

STRONG = 150
"""Inliers from which a map is believed: on unrelated views wrong maps gathered up to 140, and right
ones 864 to 3491 (four pairs)."""

STRONG_SHARE, STRONG_LEAST = 0.3, 30
"""For small grids: this share of the matches, and at least so many."""

STRETCH, SHRINK = 4.0, 0.25
"""A second photo of a body part is at most so much larger or smaller."""

ASLANT = 2.5
"""... and seen so much more aslant, as the ratio of the map's longer to its shorter axis."""


@dataclass(frozen=True, slots=True, eq=False)
class AffineFit:
    """Matched places in cells of source and target, which agree, and the (3, 2) map [x y 1] @ map.

    `turn` is by how many degrees the target was turned to find it.
    """

    source: Array
    target: Array
    agree: Flags
    map: Array | None
    turn: int = 0

    @property
    def count(self) -> int:
        return int(self.agree.sum())

    @property
    def is_strong(self) -> bool:
        share = max(STRONG_LEAST, STRONG_SHARE * len(self.agree))
        return self.count >= min(STRONG, share)


def fit_affine(a: Coarse, b: Coarse, every: int = 1) -> AffineFit:
    """Match the valid cells of both photos and fit one affine map to most of them.

    Of the source only each `every`-th row and column takes part.
    """
    valid = np.zeros_like(a.valid)
    valid[::every, ::every] = a.valid[::every, ::every]
    i, k = mutual(a.vectors[valid], b.vectors[b.valid])
    source, target = centres(np.argwhere(valid)[i]), centres(np.argwhere(b.valid)[k])
    affine, agree = robust_affine(source, target)
    return AffineFit(source, target, agree, affine)


def robust_affine(source: Array, target: Array) -> tuple[Array | None, Flags]:
    """The affine most matches agree with, and which do.

    OpenCV's MAGSAC++ (Barath et al. 2020) finds it; least squares on those who agree settle it.
    """
    nobody = np.zeros(len(source), dtype=bool)
    if len(source) < 8:
        return None, nobody
    _, inliers = cv2.estimateAffine2D(
        source.astype(np.float32),
        target.astype(np.float32),
        method=cv2.USAC_MAGSAC,
        ransacReprojThreshold=TOLERANCE,
        maxIters=20_000,
        confidence=0.9999,
    )
    if inliers is None:
        return None, nobody
    agree = inliers.ravel() > 0
    affine = None
    for _ in range(6):
        if agree.sum() < 6:
            return None, nobody
        affine = np.linalg.lstsq(with_ones(source[agree]), target[agree], rcond=None)[0]
        if not _is_plausible(affine):
            return None, nobody
        # A map that shrinks all onto a few cells agrees with anything: measure in the smaller of
        # the two frames.
        within = TOLERANCE**2 * min(1.0, float(np.linalg.det(affine[:2])))
        agree = ((with_ones(source) @ affine - target) ** 2).sum(axis=1) < within
    return affine, agree


def _is_plausible(affine: Array) -> bool:
    """Whether a second photo of a body part can need this map: no mirror, no sliver."""
    long, short = np.linalg.svd(affine[:2], compute_uv=False)
    return bool(
        np.linalg.det(affine[:2]) > 0
        and long < ASLANT * short
        and long < STRETCH
        and short > SHRINK
    )
