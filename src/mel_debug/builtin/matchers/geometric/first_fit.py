"""Robust plane maps fitted to matches between two whole photos."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, Flags, with_ones
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap

INLIER_CELLS = 2.5
"""Cells; largest residual of an inlier, which allows for the bending of a body part."""

LEAST_INLIERS = 6
"""Inliers below which no map is fitted; an affine map passes through any three matches."""

MOST_SCALE, MOST_ANISOTROPY = 12.0, 8.0
"""Largest scale of a map along either axis, in either direction, and largest ratio of the two.
They allow for a photo of one mole beside an overview, and for tilts of up to 83 degrees."""

CONFIRMED_SHARE = 0.3
"""Share of matches that must confirm a warp field in the first round, where it is known. Random
matches confirm it at a rate of (CONFIRMED_CELLS / FIRST_REACH) squared, 6 %. In photos of the same
body 66 to 93 % confirmed it (four pairs), in photos of different bodies 5 to 8 % (five pairs)."""

REFITS = 6
"""Rounds of least squares on the inliers."""


@dataclass(frozen=True, slots=True, eq=False)
class FirstFit:
    """Matched points, (n, 2) cells of source and target, the inliers among them and their map.

    `shared_pixels` is the number of matches that count as one observation, because neighbouring
    ones see the same pixels. `sure_std` is None, or the standard deviation, in cells of the source,
    of matches that are right whatever features say. `least` is the share of matches that must
    confirm it, and `rival` the evidence of dark spots for another map, if spots led to this one.
    """

    source: Array
    target: Array
    inliers: Flags
    map: PlaneMap
    shared_pixels: float
    sure_std: float | None = None
    least: float = CONFIRMED_SHARE
    rival: float = 0.0

    @property
    def count(self) -> int:
        """Number of inliers."""
        return int(self.inliers.sum())

    def in_cells(self, factor: Array) -> "FirstFit":
        """Return the same fit for a source with other cells, (2,) times as many along x and y."""
        grown = PlaneMap(self.map.matrix @ np.diag([*(1 / factor), 1.0]))
        std = None if self.sure_std is None else self.sure_std * float(np.sqrt(factor.prod()))
        return replace(self, source=self.source * factor, map=grown, sure_std=std)


def affine_fit(source: Array, target: Array) -> tuple[PlaneMap, Flags] | None:
    """Return the affine map with the most inliers, and the inliers, (n,); None without one.

    OpenCV's MAGSAC++ (Barath et al. 2020) initialises it; least squares on the inliers refine it.
    """
    if len(source) < LEAST_INLIERS + 2:
        return None
    _, inliers = cv2.estimateAffine2D(
        *_singles(source, target),
        method=cv2.USAC_MAGSAC,
        ransacReprojThreshold=INLIER_CELLS,
        maxIters=20_000,
        confidence=0.9999,
    )
    return None if inliers is None else _refined(source, target, inliers.ravel() > 0)


def similarity_fit(source: Array, target: Array) -> tuple[PlaneMap, Flags] | None:
    """Return the affine map whose first draws are similarities; see `affine_fit`.

    Two matches determine a similarity, so it is found among more outliers than an affine map.
    """
    if len(source) < LEAST_INLIERS:
        return None
    _, inliers = cv2.estimateAffinePartial2D(
        *_singles(source, target),
        method=cv2.RANSAC,
        ransacReprojThreshold=1.4 * INLIER_CELLS,
        maxIters=20_000,
        confidence=0.9999,
    )
    return None if inliers is None else _refined(source, target, inliers.ravel() > 0)


def homography_fit(source: Array, target: Array) -> tuple[PlaneMap, Flags] | None:
    """Return the homography with the most inliers, and the inliers, (n,); None without one."""
    if len(source) < 2 * LEAST_INLIERS:
        return None
    matrix, _ = cv2.findHomography(
        *_singles(source, target), cv2.USAC_MAGSAC, INLIER_CELLS, maxIters=20_000, confidence=0.9999
    )
    if matrix is None or abs(np.linalg.det(matrix)) < 1e-12:
        return None
    middle = with_ones(np.median(source, axis=0)[np.newaxis])[0]
    found = PlaneMap(matrix / (matrix[2] @ middle))
    inliers = _inliers(found, source, target)
    if inliers.sum() < 2 * LEAST_INLIERS or not is_plausible(found, source[inliers]):
        return None
    return found, inliers


def _singles(source: Array, target: Array) -> tuple[Array, Array]:
    return source.astype(np.float32), target.astype(np.float32)


def _refined(source: Array, target: Array, inliers: Flags) -> tuple[PlaneMap, Flags] | None:
    """Return the affine least-squares map of the inliers, which are chosen anew each time."""
    found = None
    for _ in range(REFITS):
        if inliers.sum() < LEAST_INLIERS:
            return None
        affine = np.linalg.lstsq(with_ones(source[inliers]), target[inliers], rcond=None)[0]
        found = PlaneMap.from_affine(affine)
        if not is_plausible(found, source[inliers]):
            return None
        inliers = _inliers(found, source, target)
    return None if found is None else (found, inliers)


def _inliers(found: PlaneMap, source: Array, target: Array) -> Flags:
    """Return (n,): which matches a map predicts.

    A map that shrinks everything to a few cells fits any match, so residuals are measured in the
    frame where they are larger.
    """
    scale = np.abs(np.linalg.det(found.jacobians(source)))
    within = INLIER_CELLS**2 * np.minimum(1.0, scale)
    near: Flags = ((found(source) - target) ** 2).sum(axis=1) < within
    return near & found.in_view(source)


def is_plausible(found: PlaneMap, places: Array) -> bool:
    """Whether a map is no reflection and within the limits of scale and anisotropy at places."""
    jacobians = found.jacobians(places)
    long, short = np.linalg.svd(jacobians, compute_uv=False).T
    return bool(
        found.in_view(places).all()
        and (np.linalg.det(jacobians) > 0).all()
        and (long < MOST_ANISOTROPY * short).all()
        and (long < MOST_SCALE).all()
        and (short > 1 / MOST_SCALE).all()
    )
