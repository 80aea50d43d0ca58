"""The target photo, warped into the source's frame and matched there."""

from copy import copy
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.matchers.geometric.arrays import (
    Array,
    CellFeatures,
    Flags,
    Picture,
    centres,
)
from mel_debug.builtin.matchers.geometric.correspondences import mutual_matches_nearby
from mel_debug.builtin.matchers.geometric.warp_field import WarpField
from mel_debug.builtin.matchers.similarity import unit
from mel_debug.core.geometry import Size
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import Photo

REACH = 20
"""Cells; upper limit of the search radius."""

CONTEXT = 4
"""Cells of context around the overlap: a feature depends on pixels beyond its cell."""

STD_STEP = 4
"""Cells between the points at which the warp field's std is evaluated; it varies slowly."""


@dataclass(frozen=True, slots=True, eq=False)
class Rematch:
    """Matches of the source with the warped target.

    `source` and `target` are (n, 2) points in cells of the source's frame; where the warp field is
    right, they are equal. `reach` is (n,), the search radius in cells.
    """

    source: Array
    target: Array
    reach: Array

    @property
    def gap(self) -> Array:
        """Distance of each match from its predicted position, (n,) cells."""
        distances: Array = np.linalg.norm(self.target - self.source, axis=1)
        return distances


class Canvas:
    """The target photo, to be warped into the source's frame by a warp field."""

    def __init__(
        self,
        photo: Photo,
        target: CellFeatures,
        warp_field: WarpField,
        middle: Array,
        extractor: FeatureExtractor,
    ) -> None:
        """`middle`, (2,) cells of the source, is where the resolution of both photos is equal."""
        self.warp_field, self.extractor = warp_field, extractor
        native = np.array([photo.size.width, photo.size.height])
        # The resolution at which the source's features were extracted.
        zoom = extractor.patch / warp_field.base.scale(middle)
        size = np.clip(np.round(native / target.cell * zoom), 1, native).astype(int)
        self.image = photo.scaled(Size(*map(int, size)))
        self.scale = size / (native / target.cell)
        self.valid = target.valid

    def of(self, photo: Photo, warp_field: WarpField) -> "Canvas":
        """Return the same canvas with another photo of the same size, and its own warp field."""
        other = copy(self)
        other.warp_field = warp_field
        other.image = photo.scaled(Size(self.image.shape[1], self.image.shape[0]))
        return other

    def rematch(self, source: CellFeatures, least_reach: float) -> Rematch:
        """Match the source with the warped target.

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
        searched = reach[here[:, 0], here[:, 1]]
        return Rematch(centres(here + corner), centres(there + corner), searched)

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
        mapped = self.warp_field(_grid(np.arange(columns), np.arange(rows)) + 0.5)
        at = np.floor(np.clip(mapped, -1, 1e6)).astype(int)
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
