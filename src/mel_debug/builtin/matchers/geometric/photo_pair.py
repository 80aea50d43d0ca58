"""The warp field between two photos: an affine fit, refined in rounds of warping and matching."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.matchers.geometric.affine_fit import AffineFit, fit_affine
from mel_debug.builtin.matchers.geometric.arrays import (
    Array,
    CellFeatures,
    Flags,
    Picture,
    centres,
)
from mel_debug.builtin.matchers.geometric.correspondences import mutual_matches_nearby
from mel_debug.builtin.matchers.geometric.rotation_search import search_rotations
from mel_debug.builtin.matchers.geometric.warp_field import KNOWN_STD, WarpField
from mel_debug.builtin.matchers.similarity import unit
from mel_debug.core.geometry import Size
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import FeatureMap, Photo

LEAST_CONFIRMED = 20
"""Matches that must confirm the warp field in every round; with fewer there is none. A floor for
tiny grids, not measured."""

CONFIRMED_SHARE = 0.3
"""Share of matches that must confirm the warp field in the first round, where it is known. Random
matches confirm it at a rate of (CONFIRMED_CELLS / FIRST_REACH) squared, 6 %. In photos of the same
body 66 to 93 % confirmed it (four pairs), in photos of different bodies 5 to 8 % (five pairs)."""

CONFIRMED_CELLS = 1.5
"""Cells; a match this close to its predicted position confirms the warp field."""

LEAST_ROUNDS, MOST_ROUNDS = 2, 3
"""Rounds of warping and matching."""

MOST_PAIRS = 600_000_000
"""Pairs of cells above which the affine fit uses only a quarter of the source's cells."""

FIRST_REACH, LEAST_REACH, REACH = 6, 2, 20
"""Cells; search radius: lower limit in the first round and in later ones, and upper limit."""

CONVERGED = 0.35
"""Cells; the rounds end when the warp field has moved less than this."""

CONTEXT = 4
"""Cells of context around the overlap: a feature depends on pixels beyond its cell."""

STD_STEP = 4
"""Cells between the points at which the warp field's std is evaluated; it varies slowly."""


@dataclass(frozen=True, slots=True, eq=False)
class PhotoPair:
    """The features of two photos and the warp field from source to target, if they share enough.

    `warp_field` is None otherwise. `places`, (n, 2), and `residuals`, (n,), are the matches of the
    last round: their points in the source and their distances from the warp field, in cells.
    """

    source: CellFeatures
    target: CellFeatures
    affine_fit: AffineFit
    warp_field: WarpField | None
    places: Array
    residuals: Array


def match_pair(source: FeatureMap, target: FeatureMap, extractor: FeatureExtractor) -> PhotoPair:
    """Fit the warp field from the source photo to the target photo."""
    a, b = CellFeatures.of(source), CellFeatures.of(target)
    pairs = int(a.valid.sum()) * int(b.valid.sum())
    affine_fit = fit_affine(a, b, 1 if pairs <= MOST_PAIRS else 2)
    if not affine_fit.is_strong:
        affine_fit = max(
            affine_fit, search_rotations(source, target, extractor), key=lambda found: found.count
        )
    nothing = PhotoPair(a, b, affine_fit, None, np.empty((0, 2)), np.empty(0))
    if affine_fit.map is None:
        return nothing
    warp_field = WarpField(affine_fit.map, a.valid.shape)
    warp_field.grow(
        affine_fit.source,
        warp_field.before_affine(affine_fit.target) - affine_fit.source,
        affine_fit.inliers,
    )
    canvas = Canvas(target.photo, b, warp_field, extractor)
    probes = centres(np.argwhere(a.valid)[::37])
    places, residuals = nothing.places, nothing.residuals
    for number in range(MOST_ROUNDS):
        before = warp_field.displacement(probes)
        here, there = canvas.rematch(a, LEAST_REACH if number else FIRST_REACH)
        std, gap = warp_field.std(here), np.linalg.norm(there - here, axis=1)
        sure = std < KNOWN_STD
        confirmed = (sure & (gap < CONFIRMED_CELLS)).sum()
        if confirmed < max(LEAST_CONFIRMED, 0 if number else CONFIRMED_SHARE * sure.sum()):
            return nothing
        begin = sure & (gap < CONFIRMED_CELLS + 2 * std)
        joined, errors = warp_field.grow(here, there + warp_field.displacement(there) - here, begin)
        places, residuals = here[joined], errors[joined]
        moved = np.linalg.norm(warp_field.displacement(probes) - before, axis=1)
        converged = (warp_field.std(probes) < KNOWN_STD).mean() > 0.9 and np.quantile(
            moved, 0.9
        ) < CONVERGED
        if converged and number + 1 >= LEAST_ROUNDS:
            break
    return PhotoPair(a, b, affine_fit, warp_field, places, residuals)


class Canvas:
    """The target photo, to be warped into the source's frame by a warp field."""

    def __init__(
        self, photo: Photo, target: CellFeatures, warp_field: WarpField, extractor: FeatureExtractor
    ) -> None:
        self.warp_field, self.extractor = warp_field, extractor
        native = np.array([photo.size.width, photo.size.height])
        # The resolution at which the source's features were extracted.
        zoom = extractor.patch / np.sqrt(abs(np.linalg.det(warp_field.affine[:2])))
        size = np.clip(np.round(native / target.cell * zoom), 1, native).astype(int)
        self.image = photo.scaled(Size(*map(int, size)))
        self.scale = size / (native / target.cell)
        self.valid = target.valid

    def rematch(self, source: CellFeatures, least_reach: float) -> tuple[Array, Array]:
        """Match the source with the warped target; returns points of both in cells of the source.

        The search radius follows from the warp field's std; it is at least `least_reach` cells.
        """
        rows, columns = source.valid.shape
        valid = self._warped_valid(rows, columns)
        common = _bounding_slices(valid & source.valid)
        reach = np.clip(2.5 * self._std(rows, columns) + 2, least_reach, REACH)[common]
        vectors = unit(self.extractor.extract(self._warped(*common)[np.newaxis])[0])
        here, there = mutual_matches_nearby(
            source.vectors[common], source.valid[common], vectors, valid[common], reach
        )
        corner = np.array([common[0].start, common[1].start])
        return centres(here + corner), centres(there + corner)

    def _warped(self, rows: slice, columns: slice) -> Picture:
        """Return the warped target over some cells of the source, `patch` pixels per cell."""
        patch = self.extractor.patch
        # One more cell on every side, so that the map can be interpolated up to the border.
        x, y = (
            np.arange(columns.start - 1, columns.stop + 1),
            np.arange(rows.start - 1, rows.stop + 1),
        )
        pixels = self.warp_field(_grid(x, y) + 0.5) * self.scale - 0.5
        across, down = (
            cv2.resize(axis.reshape(len(y), len(x)), (len(x) * patch, len(y) * patch))[
                patch:-patch, patch:-patch
            ]
            for axis in pixels.T.astype(np.float32)
        )
        return np.asarray(cv2.remap(self.image, across, down, cv2.INTER_LINEAR))

    def _warped_valid(self, rows: int, columns: int) -> Flags:
        """Return which cells of the source's frame show a valid cell of the target."""
        at = np.floor(self.warp_field(_grid(np.arange(columns), np.arange(rows)) + 0.5)).astype(int)
        height, width = self.valid.shape
        inside = (at >= 0).all(axis=1) & (at[:, 0] < width) & (at[:, 1] < height)
        shown = np.zeros(len(at), dtype=bool)
        shown[inside] = self.valid[at[inside, 1], at[inside, 0]]
        return shown.reshape(rows, columns)

    def _std(self, rows: int, columns: int) -> Array:
        """Return the warp field's std at every cell of the source's frame."""
        x, y = np.arange(0, columns, STD_STEP), np.arange(0, rows, STD_STEP)
        std = self.warp_field.std(_grid(x, y) + 0.5).reshape(len(y), len(x))
        everywhere: Array = std.repeat(STD_STEP, axis=0).repeat(STD_STEP, axis=1)
        return everywhere[:rows, :columns]


def _bounding_slices(common: Flags) -> tuple[slice, slice]:
    """Return the rows and columns that contain all common cells, with context around them."""
    if not common.any():
        return slice(0, 1), slice(0, 1)
    slices = []
    for axis, size in ((1, common.shape[0]), (0, common.shape[1])):
        shown = np.flatnonzero(common.any(axis=axis))
        slices.append(slice(max(0, shown[0] - CONTEXT), min(size, shown[-1] + 1 + CONTEXT)))
    return slices[0], slices[1]


def _grid(x: NDArray[np.int_], y: NDArray[np.int_]) -> Array:
    """Return all points (x, y) of a grid, row by row, (n, 2)."""
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(float)
