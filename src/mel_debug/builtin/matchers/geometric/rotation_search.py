"""When upright photos share too little: other turns and sizes of one against the other."""

from dataclasses import dataclass

import cv2
import numpy as np

from mel_debug.builtin.matchers.geometric.affine_fit import AffineFit, fit_affine
from mel_debug.builtin.matchers.geometric.arrays import Array, Coarse, Picture, with_ones
from mel_debug.builtin.matchers.similarity import unit
from mel_debug.core.geometry import PatchGrid
from mel_debug.core.scaling import resized, valid_cells
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import Colour, FeatureMap, Photo

TURNS = (0, 45, 315, 90, 270, 135, 225, 180)
"""Degrees to try: a learned descriptor bears half a step."""

CELLS = 160
"""Cells along the longer side at size 1: coarser than usual, for there is much to try."""

EVERY = 2
"""Of a full-size source only each such row and column of cells takes part in the ranking."""

FULL = 3
"""Attempts that are matched in full."""


@dataclass(frozen=True, slots=True, eq=False)
class Turned:
    """A photo scaled and turned, in cells, and the (3, 2) map from those cells to photo pixels."""

    cells: Coarse
    to_photo: Array
    turn: int


def search(source: FeatureMap, target: FeatureMap, extractor: FeatureExtractor) -> AffineFit:
    """The best first affine map over turns and sizes.

    A part of the source's cells ranks all of them; the best few are then matched in full.
    """
    cells = min(CELLS, max(source.grid.rows, source.grid.columns))
    sources = {size: _described(source.photo, cells, size, 0, extractor) for size in (1.0, 0.5)}
    ranked: list[tuple[float, Turned, Turned]] = []
    for turn in TURNS:
        for target_size in (1.0, 0.5):
            there = _described(target.photo, cells, target_size, turn, extractor)
            for source_size in (1.0, 0.5) if target_size == 1 else (1.0,):
                here, every = sources[source_size], EVERY if source_size == 1 else 1
                few = fit_affine(here.cells, there.cells, every)
                ranked.append((few.count / (EVERY if source_size == 1 else 1), here, there))
    ranked.sort(key=lambda attempt: -attempt[0])
    best = AffineFit(np.empty((0, 2)), np.empty((0, 2)), np.zeros(0, dtype=bool), None)
    for _, here, there in ranked[:FULL]:
        found = fit_affine(here.cells, there.cells)
        if found.map is not None and found.count > best.count:
            best = _in_cells_of(source, target, found, here, there)
        if best.is_strong:
            break
    return best


def _in_cells_of(
    source: FeatureMap, target: FeatureMap, found: AffineFit, here: Turned, there: Turned
) -> AffineFit:
    """What was found between scaled and turned photos, in the cells of the feature maps."""
    a = with_ones(found.source) @ here.to_photo / source.grid.cell_size
    b = with_ones(found.target) @ there.to_photo / target.grid.cell_size
    affine = np.linalg.lstsq(with_ones(a[found.agree]), b[found.agree], rcond=None)[0]
    return AffineFit(a, b, found.agree, affine, there.turn)


def _described(
    photo: Photo, cells: int, size: float, turn: int, extractor: FeatureExtractor
) -> Turned:
    patch = extractor.patch
    grid = PatchGrid.fit(photo.size, max(1, round(cells * size)) * patch, patch)
    image, back = turned(photo.scaled(grid.scaled), turn, extractor.mean_colour)
    mask = np.full((grid.scaled.height, grid.scaled.width), 255, dtype=np.uint8)
    if photo.mask is not None:
        mask = resized(photo.mask.astype(np.uint8) * np.uint8(255), grid.scaled)
    inside = turned(mask, turn, (0, 0, 0))[0] > 127
    height, width = inside.shape
    margin = ((0, -height % patch), (0, -width % patch))
    image = np.pad(image, (*margin, (0, 0)), mode="edge")
    inside = np.pad(inside, margin)
    rows, columns = inside.shape[0] // patch, inside.shape[1] // patch
    vectors = unit(extractor.extract(image[np.newaxis])[0])
    to_photo = np.vstack([patch * back[:2], back[2]]) / grid.scale
    valid = valid_cells(inside, rows, columns)
    return Turned(Coarse(vectors, valid, np.array(grid.cell_size)), to_photo, turn)


def turned(image: Picture, turn: int, colour: Colour) -> tuple[Picture, Array]:
    """An image turned by `turn` degrees on a canvas of `colour` that holds all of it.

    Also returns the (3, 2) map from places (x, y) of the result to places of the image; a place is
    in pixels, (0, 0) the corner of the first.
    """
    angle = np.deg2rad(turn)
    back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    old = np.array([image.shape[1], image.shape[0]], dtype=float)
    new = np.ceil(np.abs(back) @ old - 1e-6)
    offset = old / 2 - new / 2 @ back
    # OpenCV counts from the centre of the first pixel.
    centred = np.array([0.5, 0.5]) @ back + offset - 0.5
    result = cv2.warpAffine(
        image,
        np.hstack([back.T, centred[:, np.newaxis]]),
        (int(new[0]), int(new[1])),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderValue=colour,
    )
    return np.asarray(result), np.vstack([back, offset])
