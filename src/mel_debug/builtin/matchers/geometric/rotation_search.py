"""The affine fit over rotations and scales, for photos that don't match upright."""

from dataclasses import dataclass

import cv2
import numpy as np

from mel_debug.builtin.matchers.geometric.affine_fit import AffineFit, fit_affine
from mel_debug.builtin.matchers.geometric.arrays import (
    Array,
    CellFeatures,
    Picture,
    with_ones,
)
from mel_debug.builtin.matchers.similarity import unit
from mel_debug.core.geometry import PatchGrid
from mel_debug.core.scaling import resized, valid_cells
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import Colour, FeatureMap, Photo

ROTATIONS = (0, 45, 315, 90, 270, 135, 225, 180)
"""Degrees to try, in steps of 45: learned features tolerate a rotation of half a step."""

LONGEST_CELLS = 160
"""Cells along the longer side at scale 1; few, because many combinations are tried."""

STRIDE = 2
"""Only every such row and column of a full-size source is used to rank the combinations."""

FULL_ATTEMPTS = 3
"""Best-ranked combinations that are matched with all cells."""


@dataclass(frozen=True, slots=True, eq=False)
class RotatedPhoto:
    """Features of a scaled and rotated photo, and the (3, 2) map from its cells to photo pixels."""

    cells: CellFeatures
    to_photo: Array
    rotation: int


def search_rotations(
    source: FeatureMap, target: FeatureMap, extractor: FeatureExtractor
) -> AffineFit:
    """Return the affine fit with the most inliers over rotations and scales.

    Some of the source's cells rank all combinations; the best few are then matched with all cells.
    """
    cells = min(LONGEST_CELLS, max(source.grid.rows, source.grid.columns))
    sources = {size: _extract(source.photo, cells, size, 0, extractor) for size in (1.0, 0.5)}
    ranked: list[tuple[float, RotatedPhoto, RotatedPhoto]] = []
    for rotation in ROTATIONS:
        for target_size in (1.0, 0.5):
            there = _extract(target.photo, cells, target_size, rotation, extractor)
            for source_size in (1.0, 0.5) if target_size == 1 else (1.0,):
                here, every = sources[source_size], STRIDE if source_size == 1 else 1
                few = fit_affine(here.cells, there.cells, every)
                ranked.append((few.count / (STRIDE if source_size == 1 else 1), here, there))
    ranked.sort(key=lambda attempt: -attempt[0])
    best = AffineFit(np.empty((0, 2)), np.empty((0, 2)), np.zeros(0, dtype=bool), None)
    for _, here, there in ranked[:FULL_ATTEMPTS]:
        found = fit_affine(here.cells, there.cells)
        if found.map is not None and found.count > best.count:
            best = _in_cells_of(source, target, found, here, there)
        if best.is_strong:
            break
    return best


def _in_cells_of(
    source: FeatureMap,
    target: FeatureMap,
    found: AffineFit,
    here: RotatedPhoto,
    there: RotatedPhoto,
) -> AffineFit:
    """Convert a fit between rotated photos to the cells of the feature maps."""
    a = with_ones(found.source) @ here.to_photo / source.grid.cell_size
    b = with_ones(found.target) @ there.to_photo / target.grid.cell_size
    affine = np.linalg.lstsq(with_ones(a[found.inliers]), b[found.inliers], rcond=None)[0]
    return AffineFit(a, b, found.inliers, affine, there.rotation)


def _extract(
    photo: Photo, cells: int, size: float, rotation: int, extractor: FeatureExtractor
) -> RotatedPhoto:
    patch = extractor.patch
    grid = PatchGrid.fit(photo.size, max(1, round(cells * size)) * patch, patch)
    image, back = rotated(photo.scaled(grid.scaled), rotation, extractor.mean_colour)
    mask = np.full((grid.scaled.height, grid.scaled.width), 255, dtype=np.uint8)
    if photo.mask is not None:
        mask = resized(photo.mask.astype(np.uint8) * np.uint8(255), grid.scaled)
    inside = rotated(mask, rotation, (0, 0, 0))[0] > 127
    height, width = inside.shape
    margin = ((0, -height % patch), (0, -width % patch))
    image = np.pad(image, (*margin, (0, 0)), mode="edge")
    inside = np.pad(inside, margin)
    rows, columns = inside.shape[0] // patch, inside.shape[1] // patch
    vectors = unit(extractor.extract(image[np.newaxis])[0])
    to_photo = np.vstack([patch * back[:2], back[2]]) / grid.scale
    valid = valid_cells(inside, rows, columns)
    return RotatedPhoto(CellFeatures(vectors, valid, np.array(grid.cell_size)), to_photo, rotation)


def rotated(image: Picture, rotation: int, colour: Colour) -> tuple[Picture, Array]:
    """Return an image rotated by `rotation` degrees on a canvas of `colour` that holds all of it.

    Also returns the (3, 2) map from points (x, y) of the result to points of the image, in pixels;
    (0, 0) is the corner of the first pixel.
    """
    angle = np.deg2rad(rotation)
    back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    old = np.array([image.shape[1], image.shape[0]], dtype=float)
    new = np.ceil(np.abs(back) @ old - 1e-6)
    offset = old / 2 - new / 2 @ back
    # OpenCV's origin is the centre of the first pixel.
    centred = np.array([0.5, 0.5]) @ back + offset - 0.5
    result = cv2.warpAffine(
        image,
        np.hstack([back.T, centred[:, np.newaxis]]),
        (int(new[0]), int(new[1])),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderValue=colour,
    )
    return np.asarray(result), np.vstack([back, offset])
