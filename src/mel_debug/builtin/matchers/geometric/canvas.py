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
        # One more cell on every side, so that the map can be interpolated up to the border.
        around = _grid(np.arange(-1, columns + 1), np.arange(-1, rows + 1))
        mapped = self.warp_field(around + 0.5).reshape(rows + 2, columns + 2, 2)
        valid = self._warped_valid(mapped[1:-1, 1:-1])
        common = _bounding_slices(valid & source.valid)
        reach = np.clip(2.5 * self._std(rows, columns) + 2, least_reach, REACH)[common]
        vectors = unit(self.extractor.extract(self._warped(mapped, *common)[np.newaxis])[0])
        here, there = mutual_matches_nearby(
            source.vectors[common], source.valid[common], vectors, valid[common], reach
        )
        corner = np.array([common[0].start, common[1].start])
        searched = reach[here[:, 0], here[:, 1]]
        return Rematch(centres(here + corner), centres(there + corner), searched)

    def _warped(self, mapped: Array, rows: slice, columns: slice) -> Picture:
        """Return the warped target over some cells of the source, `patch` pixels per cell.

        `mapped`, (rows + 2, columns + 2, 2), is where the centres of the source's cells lie in the
        target, with one more cell on every side.
        """
        patch = self.extractor.patch
        some = mapped[rows.start : rows.stop + 2, columns.start : columns.stop + 2]
        pixels = some * self.scale - 0.5
        height, width = some.shape[:2]
        across, down = (
            cv2.resize(pixels[..., axis].astype(np.float32), (width * patch, height * patch))[
                patch:-patch, patch:-patch
            ]
            for axis in (0, 1)
        )
        return np.asarray(cv2.remap(self.image, across, down, cv2.INTER_LINEAR))

    def _warped_valid(self, mapped: Array) -> Flags:
        """Return which cells of the source, that lie at (rows, columns, 2), show valid cells."""
        at = np.floor(np.clip(mapped, -1, 1e6)).astype(int)
        height, width = self.valid.shape
        shown: Flags = (at >= 0).all(axis=2) & (at[..., 0] < width) & (at[..., 1] < height)
        shown[shown] = self.valid[at[shown, 1], at[shown, 0]]
        return shown

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
