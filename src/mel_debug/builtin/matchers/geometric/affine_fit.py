"""A robust affine fit to the mutual matches of two whole photos."""

from dataclasses import dataclass

import cv2
import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import (
    Array,
    CellFeatures,
    Flags,
    centres,
    with_ones,
)
from mel_debug.builtin.matchers.geometric.correspondences import mutual_matches

INLIER_CELLS = 2.5
"""Cells; largest residual of an inlier, which allows for the bending of a body part."""

STRONG_INLIERS = 150
"""Inliers that make a fit strong: wrong fits to unrelated photos had up to 140, right ones 864 to
3491 (four pairs)."""

STRONG_SHARE, STRONG_MINIMUM = 0.3, 30
"""For small grids: the share of matches that must be inliers, and their smallest number."""

MOST_SCALE, LEAST_SCALE = 4.0, 0.25
"""Limits of an affine map's scale along either axis, in cells of the target per source cell."""

MOST_ANISOTROPY = 2.5
"""Largest ratio of an affine map's singular values; oblique views raise it."""


@dataclass(frozen=True, slots=True, eq=False)
class AffineFit:
    """Matched points, (n, 2) cells of source and target, which are inliers, and their affine map.

    `map` is (3, 2): target = [x y 1] @ map. It is None if no map was found. `rotation` is the angle
    in degrees by which the target was rotated before matching.
    """

    source: Array
    target: Array
    inliers: Flags
    map: Array | None
    rotation: int = 0

    @property
    def count(self) -> int:
        """Number of inliers."""
        return int(self.inliers.sum())

    @property
    def is_strong(self) -> bool:
        """Whether the inliers are too many for a wrong fit."""
        share = max(STRONG_MINIMUM, STRONG_SHARE * len(self.inliers))
        return self.count >= min(STRONG_INLIERS, share)


def fit_affine(a: CellFeatures, b: CellFeatures, every: int = 1) -> AffineFit:
    """Match the valid cells of both photos and fit an affine map to the matches.

    Only every `every`-th row and column of the source is matched.
    """
    valid = np.zeros_like(a.valid)
    valid[::every, ::every] = a.valid[::every, ::every]
    i, k = mutual_matches(a.vectors[valid], b.vectors[b.valid])
    source, target = centres(np.argwhere(valid)[i]), centres(np.argwhere(b.valid)[k])
    affine, inliers = robust_affine(source, target)
    return AffineFit(source, target, inliers, affine)


def robust_affine(source: Array, target: Array) -> tuple[Array | None, Flags]:
    """Return the (3, 2) affine map with the most inliers, and the inliers, (n,).

    OpenCV's MAGSAC++ (Barath et al. 2020) initialises it; least squares on the inliers refine it.
    None, and no inliers, if there is no plausible map.
    """
    no_inliers = np.zeros(len(source), dtype=bool)
    if len(source) < 8:
        return None, no_inliers
    _, inliers = cv2.estimateAffine2D(
        source.astype(np.float32),
        target.astype(np.float32),
        method=cv2.USAC_MAGSAC,
        ransacReprojThreshold=INLIER_CELLS,
        maxIters=20_000,
        confidence=0.9999,
    )
    if inliers is None:
        return None, no_inliers
    inliers = inliers.ravel() > 0
    affine = None
    for _ in range(6):
        if inliers.sum() < 6:
            return None, no_inliers
        affine = np.linalg.lstsq(with_ones(source[inliers]), target[inliers], rcond=None)[0]
        if not _is_plausible(affine):
            return None, no_inliers
        # A map that shrinks everything to a few cells fits any match: measure residuals in the
        # frame where they are larger.
        within = INLIER_CELLS**2 * min(1.0, float(np.linalg.det(affine[:2])))
        inliers = ((with_ones(source) @ affine - target) ** 2).sum(axis=1) < within
    return affine, inliers


def _is_plausible(affine: Array) -> bool:
    """Whether the map is no reflection and within the limits of scale and anisotropy."""
    long, short = np.linalg.svd(affine[:2], compute_uv=False)
    return bool(
        np.linalg.det(affine[:2]) > 0
        and long < MOST_ANISOTROPY * short
        and long < MOST_SCALE
        and short > LEAST_SCALE
    )
