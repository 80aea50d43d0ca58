"""Small sample data, the same for the same seed: photos, feature maps, queries, matches."""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from mel_debug.core.geometry import Point, Size
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import FeatureMap, Mask, Match, Photo, Pixels, Query, Vectors, View
from mel_debug.matching.features import PhotoFeatures

SIZE = Size(192, 128)
CELLS = 24
"""Cells along the longer side of a sample photo, unless another image size is given."""

SKIN = (201, 160, 138)
GRAINS = (40, 20, 12)
"""Distances of the knots of a sample photo's texture, in pixels, coarse to fine."""

CONTRAST = 24.0
"""Grey levels by which each grain may differ from the skin."""

REACH = 3
"""The sample extractor sees this many patches around each."""

FAINTEST = 1e-6
"""Differences of colour below this are rounding errors, not texture."""


def sample_pixels(seed: int, size: Size = SIZE) -> Pixels:
    """Textured skin, (height, width, 3) uint8 RGB: smooth, but no two places look the same."""
    random = np.random.default_rng(seed)
    pixels = np.full((size.height, size.width, 3), SKIN, dtype=np.float64)
    for grain in GRAINS:
        shape = (size.height // grain + 2, size.width // grain + 2, 3)
        knots = random.uniform(-CONTRAST, CONTRAST, shape)
        rows, down = np.divmod(np.arange(size.height) / grain, 1)
        columns, across = np.divmod(np.arange(size.width) / grain, 1)
        above, left = rows.astype(int), columns.astype(int)
        down, across = down[:, np.newaxis, np.newaxis], across[:, np.newaxis]
        bands = knots[above] * (1 - down) + knots[above + 1] * down
        pixels += bands[:, left] * (1 - across) + bands[:, left + 1] * across
    return np.clip(pixels, 0, 255).astype(np.uint8)


def sample_photo(seed: int = 0, size: Size = SIZE, mask: Mask | None = None) -> Photo:
    """A photo of textured skin; `mask` is (height, width) bool, True where the photo counts."""
    return Photo.of(sample_pixels(seed, size), mask, name=f"sample {seed}")


class SampleExtractor:
    """A toy extractor: how the colours around a patch differ from their mean.

    As in a network, a patch knows its surroundings, so near patches are alike and half a patch more
    or less makes no great difference. Vectors have length 1, or 0 where all is of one colour, so
    that every common metric names the same cell as best.
    """

    patch = 8
    mean_colour = (128, 128, 128)

    def extract(self, images: Pixels) -> Vectors:
        """(count, height, width, 3) uint8 to (count, rows, columns, 147) float32."""
        count, height, width = images.shape[:3]
        rows, columns, side = height // self.patch, width // self.patch, self.patch
        colours = images.reshape(count, rows, side, columns, side, 3).mean(axis=(2, 4))
        edged = np.pad(colours, ((0, 0), (REACH, REACH), (REACH, REACH), (0, 0)), mode="edge")
        around = sliding_window_view(edged, (2 * REACH + 1, 2 * REACH + 1), axis=(1, 2))
        seen = around - around.mean(axis=(4, 5), keepdims=True)
        vectors = seen.reshape(count, rows, columns, -1)
        lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
        unit = np.where(lengths > FAINTEST, vectors / np.maximum(lengths, FAINTEST), 0)
        return unit.astype(np.float32)


def sample_features(
    photo: Photo, *, extractor: FeatureExtractor | None = None, image_size: int | None = None
) -> FeatureMap:
    """The feature map of a photo, from the sample extractor or another."""
    extractor = extractor or SampleExtractor()
    return PhotoFeatures(extractor, image_size or CELLS * extractor.patch).of(photo)


def sample_query(
    *features: FeatureMap, across: float = 0.5, down: float = 0.5, number: int = 0
) -> Query:
    """A query with one view for each feature map (by default one, of the sample photo).

    The mole lies `across` and `down` the photo, as shares of its width and height in [0, 1).
    """
    maps: Sequence[FeatureMap] = features or [sample_features(sample_photo())]
    views = tuple(View(seen, place(seen.photo, across, down)) for seen in maps)
    return Query(f"{number:032x}", views)


def sample_match(
    target: FeatureMap, *, across: float = 0.5, down: float = 0.5, seed: int = 0, number: int = 0
) -> Match:
    """A match with random scores that found its mole `across` and `down` the target.

    Cells that are not valid score -inf, as a matcher may say.
    """
    random = np.random.default_rng(seed)
    scores = random.uniform(-1, 0.9, target.valid.shape).astype(np.float32)
    best = place(target.photo, across, down)
    cell = target.grid.cell_of(best)
    scores[cell.row, cell.column] = 1
    return Match(
        uuid=f"{number:032x}",
        grid=target.grid,
        scores=np.where(target.valid, scores, -np.inf).astype(np.float32),
        valid=target.valid,
        best=best,
        score=1.0,
    )


def place(photo: Photo, across: float, down: float) -> Point:
    """A point by its shares of a photo's width and height."""
    return Point(across * photo.size.width, down * photo.size.height)
