"""Matches of SIFT keypoints (Lowe 2004), which tolerate any rotation and most changes of scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.matchers.geometric.arrays import Array, Flags, Picture
from mel_debug.builtin.matchers.geometric.keys import key_of
from mel_debug.builtin.matchers.geometric.variants import Variants
from mel_debug.core.geometry import Size
from mel_debug.core.scaling import fitted
from mel_debug.core.types import FeatureMap, Photo

LONGEST = 2400
"""Pixels of the longer side at which keypoints are detected."""

FLAT_LONGEST = 1200
"""The same in photos without the light on them: a descriptor should see a mole's neighbours. Chosen
by hand on three hard generated pairs."""

CONTRAST = 0.004
"""Least contrast of a keypoint; a tenth of OpenCV's default, because skin has little contrast."""

MOST_KEYPOINTS = 8000
"""Keypoints of a photo, those with the highest contrast."""

BLOCK_ROWS = 512
"""Keypoints compared at a time: their similarities to `MOST_KEYPOINTS` take 16 MB."""

TILE, MARGIN, ALIGNED = 1200, 128, 64
"""Pixels: the longest side of a tile, and what is added around it. OpenCV's pyramid takes 190 bytes
a pixel, 730 MB for a whole photo at `LONGEST`, in tiles 170 (measured). Descriptors up to a sigma
of 12 px see no edge of a tile; a multiple of `ALIGNED` keeps its pyramid on that of the photo: of
5776 keypoints of a labelled photo 5761 are the same to the bit."""

RATIO = 0.85
"""Largest ratio of the distances to the best and to the second best match."""


def keypoint_matches(
    source: FeatureMap,
    target: FeatureMap,
    longest: int = LONGEST,
    variants: Variants | None = None,
) -> tuple[Array, Array]:
    """Return matched points, (n, 2) cells of source and target, the most distinct first.

    Keypoints are detected at `longest` pixels of the longer side; `variants` stores those of each
    photo.
    """
    known = variants or Variants()
    here, first = _keypoints(source, longest, known)
    there, second = _keypoints(target, longest, known)
    if len(here) < 2 or len(there) < 2:
        return np.empty((0, 2)), np.empty((0, 2))
    choice, mutual, ratio = nearest(first, second)
    kept = np.flatnonzero(mutual & (ratio < RATIO))
    kept = kept[np.argsort(ratio[kept], kind="stable")]
    matched = np.hstack([here[kept], there[choice[kept]]])
    # A keypoint with two orientations gives the same match twice.
    single = np.sort(np.unique(np.round(matched), axis=0, return_index=True)[1])
    matched = matched[single]
    return matched[:, :2] / source.grid.cell_size, matched[:, 2:] / target.grid.cell_size


def nearest(
    first: NDArray[np.float32], second: NDArray[np.float32]
) -> tuple[NDArray[np.intp], Flags, NDArray[np.float32]]:
    """Return the nearest row of `second` for each of `first`, whether mutual, and its ratio.

    The ratio is of the distances to the nearest and to the second nearest. All similarities at once
    would take 256 MB for `MOST_KEYPOINTS`, twice.
    """
    choice, ratio = np.zeros(len(first), np.intp), np.zeros(len(first), np.float32)
    back, top = np.zeros(len(second), np.intp), np.full(len(second), -np.inf, np.float32)
    for start in range(0, len(first), BLOCK_ROWS):
        some = slice(start, start + BLOCK_ROWS)
        similarity = first[some] @ second.T
        better = np.flatnonzero(similarity.max(axis=0) > top)
        nearest = similarity[:, better].argmax(axis=0)
        top[better], back[better] = similarity[nearest, better], nearest + start
        rows, there = np.arange(len(similarity)), similarity.argmax(axis=1)
        best = similarity[rows, there]
        similarity[rows, there] = -1
        # Unit vectors: squared distance = 2 - 2 cosine.
        gap = np.maximum(1 - similarity.max(axis=1), 1e-9)
        choice[some], ratio[some] = there, np.sqrt(np.maximum(1 - best, 0) / gap)
    return choice, back[choice] == np.arange(len(first)), ratio


def _keypoints(
    features: FeatureMap, longest: int, variants: Variants
) -> tuple[Array, NDArray[np.float32]]:
    """Return the (n, 2) points in photo pixels and their (n, 128) unit descriptors."""
    size = features.photo.size
    scaled = size if longest >= size.longest else fitted(size, longest)
    found = variants.arrays(
        key_of(f"keypoints {longest} 1", features.key),
        lambda: detected(features.photo, scaled),
        lambda arrays: arrays["descriptors"].shape == (len(arrays["points"]), 128),
    )
    descriptors = found["descriptors"].astype(np.float32)
    # RootSIFT (Arandjelovic and Zisserman 2012): Hellinger's distance instead of Euclid's.
    root = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-9))
    stretch = np.array([size.width / scaled.width, size.height / scaled.height])
    return found["points"] * stretch, root


def detected(photo: Photo, size: Size) -> dict[str, NDArray[Any]]:
    """Return (n, 2) `points` in pixels of the photo at a size, and (n, 128) `descriptors`."""
    grey = cv2.cvtColor(photo.scaled(size), cv2.COLOR_RGB2GRAY)
    mask = None
    if photo.mask is not None:
        whole = photo.mask.astype(np.uint8)
        mask = cv2.resize(whole, (size.width, size.height), interpolation=cv2.INTER_NEAREST)
    sift = cv2.SIFT.create(nfeatures=MOST_KEYPOINTS, contrastThreshold=CONTRAST)
    tiles = [
        _Tile(grey, rows, columns) for rows in _tiles(size.height) for columns in _tiles(size.width)
    ]
    found = [tile.detect(sift) for tile in tiles]
    # As OpenCV does it: the best of the whole photo, and of these the ones inside the mask.
    responses = sorted((each.response for some in found for each in some), reverse=True)
    least = responses[MOST_KEYPOINTS - 1] if len(responses) >= MOST_KEYPOINTS else 0.0
    described = [
        tile.describe(sift, [each for each in some if each.response >= least], mask)
        for tile, some in zip(tiles, found, strict=True)
    ]
    points, descriptors = (np.concatenate(parts) for parts in zip(*described, strict=True))
    return {"points": points, "descriptors": descriptors}


@dataclass(frozen=True, slots=True, eq=False)
class _Tile:
    """A part of a grey picture, which is searched for keypoints with a margin around it."""

    grey: Picture
    rows: slice
    columns: slice

    @property
    def corner(self) -> tuple[int, int]:
        """The left and the upper edge with the margin."""
        left, top = (
            max(0, each.start - MARGIN) // ALIGNED * ALIGNED for each in (self.columns, self.rows)
        )
        return left, top

    @property
    def picture(self) -> Picture:
        left, top = self.corner
        return self.grey[top : self.rows.stop + MARGIN, left : self.columns.stop + MARGIN]

    def detect(self, sift: cv2.SIFT) -> Sequence[cv2.KeyPoint]:
        """Return the keypoints inside the tile; their points are those of `picture`."""
        left, top = self.corner
        found = sift.detect(self.picture, None)
        return [
            each
            for each in found
            if self.columns.start <= each.pt[0] + left + 0.5 < self.columns.stop
            and self.rows.start <= each.pt[1] + top + 0.5 < self.rows.stop
        ]

    def describe(
        self, sift: cv2.SIFT, found: Sequence[cv2.KeyPoint], mask: Picture | None
    ) -> tuple[Array, NDArray[np.uint8]]:
        """Return (n, 2) points and (n, 128) descriptors of those keypoints that the mask shows."""
        left, top = self.corner
        if mask is not None:
            found = [
                each for each in found if mask[round(each.pt[1]) + top, round(each.pt[0]) + left]
            ]
        if not found:
            return np.empty((0, 2)), np.empty((0, 128), np.uint8)
        found, descriptors = sift.compute(self.picture, found)
        # OpenCV's origin is the centre of the first pixel.
        points = np.array([each.pt for each in found]) + np.array([left, top]) + 0.5
        # Whole numbers from 0 to 255, as OpenCV computes them.
        return points, descriptors.astype(np.uint8)


def _tiles(side: int) -> list[slice]:
    """Return adjoining parts of about one length, none longer than `TILE`."""
    edges = np.linspace(0, side, -(-side // TILE) + 1).round().astype(int).tolist()
    return [slice(*each) for each in pairwise(edges)]
