"""What two photos share: from an affine map to a warp field, drawing and matching in rounds."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.matchers.geometric.affine_fit import AffineFit, fit_affine
from mel_debug.builtin.matchers.geometric.arrays import Array, Coarse, Flags, Picture, centres
from mel_debug.builtin.matchers.geometric.correspondences import mutual_nearby
from mel_debug.builtin.matchers.geometric.rotation_search import search
from mel_debug.builtin.matchers.geometric.warp_field import TRUST, WarpField
from mel_debug.builtin.matchers.similarity import unit
from mel_debug.core.geometry import Size
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import FeatureMap, Photo

SUPPORT = 20
"""A floor for tiny grids, not measured: matches that must land where a round's warp field says;
with fewer the photos share too little."""

CONSISTENT = 0.3
"""... and their share of the matches where the warp field is sure, in the first round, which looks
far enough that chance gives (LANDS / FIRST_REACH) squared, 6 %. Photos of the same body gave 66 to
93 % (four pairs), photos of different bodies 5 to 8 % (five pairs)."""

LANDS = 1.5
"""Cells; a match this near to its expected place confirms the warp field."""

LEAST_ROUNDS, MOST_ROUNDS = 2, 3

MOST_PAIRS = 600_000_000
"""Pairs of cells compared for the first guess; above, a quarter of the source's cells is enough."""

FIRST_REACH, LEAST_REACH, REACH = 6, 2, 20
"""Cells; how far a round looks for partners: at least in the first, at least later, at most."""

STILL = 0.35
"""Cells; a round that moved the warp field less than this was the last."""

CONTEXT = 4
"""Cells around what both photos show that are drawn too: a descriptor sees beyond its cell."""

STD_STEP = 4
"""Cells between the places where the warp field's spread is worked out; it changes slowly."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two photos in cells, and the warp field between them; None when they share too little.

    `places` and `residuals` are the matches of the last round: where in the source, and how far, in
    cells, they land from the warp field.
    """

    source: Coarse
    target: Coarse
    first: AffineFit
    warp_field: WarpField | None
    places: Array
    residuals: Array


def match_pair(source: FeatureMap, target: FeatureMap, extractor: FeatureExtractor) -> Pair:
    """Find the warp field that carries the source photo onto the target photo."""
    a, b = Coarse.of(source), Coarse.of(target)
    pairs = int(a.valid.sum()) * int(b.valid.sum())
    first = fit_affine(a, b, 1 if pairs <= MOST_PAIRS else 2)
    if not first.is_strong:
        first = max(first, search(source, target, extractor), key=lambda found: found.count)
    nothing = Pair(a, b, first, None, np.empty((0, 2)), np.empty(0))
    if first.map is None:
        return nothing
    warp_field = WarpField(first.map, a.valid.shape)
    warp_field.grow(
        first.source, warp_field.before_affine(first.target) - first.source, first.agree
    )
    canvas = Canvas(target.photo, b, warp_field, extractor)
    probes = centres(np.argwhere(a.valid)[::37])
    places, residuals = nothing.places, nothing.residuals
    for number in range(MOST_ROUNDS):
        before = warp_field.shift(probes)
        here, there = canvas.rematch(a, LEAST_REACH if number else FIRST_REACH)
        std, gap = warp_field.std(here), np.linalg.norm(there - here, axis=1)
        sure = std < TRUST
        confirmed = (sure & (gap < LANDS)).sum()
        if confirmed < max(SUPPORT, 0 if number else CONSISTENT * sure.sum()):
            return nothing
        begin = sure & (gap < LANDS + 2 * std)
        joined, errors = warp_field.grow(here, there + warp_field.shift(there) - here, begin)
        places, residuals = here[joined], errors[joined]
        moved = np.linalg.norm(warp_field.shift(probes) - before, axis=1)
        still = (warp_field.std(probes) < TRUST).mean() > 0.9 and np.quantile(moved, 0.9) < STILL
        if still and number + 1 >= LEAST_ROUNDS:
            break
    return Pair(a, b, first, warp_field, places, residuals)


class Canvas:
    """The target, ready to be drawn in the source's frame as a warp field says."""

    def __init__(
        self, photo: Photo, target: Coarse, warp_field: WarpField, extractor: FeatureExtractor
    ) -> None:
        self.warp_field, self.extractor = warp_field, extractor
        native = np.array([photo.size.width, photo.size.height])
        # As dense in detail as the source was when it was described.
        zoom = extractor.patch / np.sqrt(abs(np.linalg.det(warp_field.affine[:2])))
        size = np.clip(np.round(native / target.cell * zoom), 1, native).astype(int)
        self.image = photo.scaled(Size(*map(int, size)))
        self.scale = size / (native / target.cell)
        self.valid = target.valid

    def rematch(self, source: Coarse, least_reach: float) -> tuple[Array, Array]:
        """Places, in cells of the source, of matches: in the source and in the drawn target.

        Partners are looked for as far as the warp field's spread asks, and `least_reach` cells.
        """
        rows, columns = source.valid.shape
        valid = self._drawn_kept(rows, columns)
        common = _around(valid & source.valid)
        reach = np.clip(2.5 * self._std(rows, columns) + 2, least_reach, REACH)[common]
        vectors = unit(self.extractor.extract(self._drawn(*common)[np.newaxis])[0])
        here, there = mutual_nearby(
            source.vectors[common], source.valid[common], vectors, valid[common], reach
        )
        corner = np.array([common[0].start, common[1].start])
        return centres(here + corner), centres(there + corner)

    def _drawn(self, rows: slice, columns: slice) -> Picture:
        """The target in the source's frame over some of its cells, `patch` pixels to a cell."""
        patch = self.extractor.patch
        # One cell more on every side, so that the map is interpolated up to the border.
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

    def _drawn_kept(self, rows: int, columns: int) -> Flags:
        """Which cells of the source's frame show a valid cell of the target."""
        at = np.floor(self.warp_field(_grid(np.arange(columns), np.arange(rows)) + 0.5)).astype(int)
        height, width = self.valid.shape
        inside = (at >= 0).all(axis=1) & (at[:, 0] < width) & (at[:, 1] < height)
        shown = np.zeros(len(at), dtype=bool)
        shown[inside] = self.valid[at[inside, 1], at[inside, 0]]
        return shown.reshape(rows, columns)

    def _std(self, rows: int, columns: int) -> Array:
        """The warp field's spread at every cell of the source's frame."""
        x, y = np.arange(0, columns, STD_STEP), np.arange(0, rows, STD_STEP)
        std = self.warp_field.std(_grid(x, y) + 0.5).reshape(len(y), len(x))
        everywhere: Array = std.repeat(STD_STEP, axis=0).repeat(STD_STEP, axis=1)
        return everywhere[:rows, :columns]


def _around(common: Flags) -> tuple[slice, slice]:
    """Rows and columns that hold all cells both photos show, with some context."""
    if not common.any():
        return slice(0, 1), slice(0, 1)
    slices = []
    for axis, size in ((1, common.shape[0]), (0, common.shape[1])):
        shown = np.flatnonzero(common.any(axis=axis))
        slices.append(slice(max(0, shown[0] - CONTEXT), min(size, shown[-1] + 1 + CONTEXT)))
    return slices[0], slices[1]


def _grid(x: NDArray[np.int_], y: NDArray[np.int_]) -> Array:
    """All places (x, y) of a grid, row by row, (n, 2)."""
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(float)
