"""The stages as six plain functions, for notebooks: torch tensors and numpy images.

Images are (height, width, 3) uint8 RGB. A scaled image's sides divide by 16, and its patches are
numbered row by row from the top left.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mel_debug.builtin.extractors.dinov3 import VisionTransformer, load_model
from mel_debug.builtin.extractors.dinov3_sizes import PATCH, SIZES
from mel_debug.builtin.extractors.hub import find_weights
from mel_debug.builtin.matchers.similarity import cosine
from mel_debug.builtin.renderers.heatmap import Heatmap
from mel_debug.core.errors import UsageError
from mel_debug.core.geometry import Cell, PatchGrid, Point, Size
from mel_debug.core.scaling import resized
from mel_debug.core.stages import BuildOptions
from mel_debug.core.types import FeatureMap, Match, Photo, Pixels, Query, Vectors, View


def load_dinov3_model(dino_size: str = "base") -> tuple[Any, int]:
    """A pretrained DINOv3 model and the length of its patch vectors.

    `dino_size` is small, base, large, huge or 7b. Raises UsageError for another size and
    WeightsError when the weights are neither cached nor to be had.
    """
    if dino_size not in SIZES:
        raise UsageError(f"no DINOv3 size {dino_size!r}; try one of: {', '.join(SIZES)}")
    size = SIZES[dino_size]
    weights = find_weights(size.timm_name, BuildOptions())
    return load_model(size.timm_name, weights, "auto"), size.dimensions


def scale_image_to_fit(image_rgb: Pixels, image_size: int) -> tuple[Pixels, tuple[float, float]]:
    """Scale an image to fit `image_size` pixels; returns it and (scale_x, scale_y).

    A mole at (x, y) of the image is at (x * scale_x, y * scale_y) of the scaled one.
    """
    grid = PatchGrid.fit(_size(image_rgb), image_size, PATCH)
    return resized(image_rgb, grid.scaled), grid.scale


def extract_mole_patch_feature(
    scaled_image: Pixels, mole_x: float, mole_y: float, model: Any
) -> Tensor:
    """The vector of the patch at (mole_x, mole_y) of the scaled image, (feature_dim,)."""
    cell = _grid(_size(scaled_image)).cell_of(Point(mole_x, mole_y))
    return torch.from_numpy(_describe(scaled_image, model)[cell.row, cell.column].copy())


def extract_all_patch_features(scaled_image: Pixels, model: Any) -> Tensor:
    """The vectors of all patches of a scaled image, (num_patches, feature_dim)."""
    vectors = _describe(scaled_image, model)
    return torch.from_numpy(vectors.reshape(-1, vectors.shape[-1]))


def compute_cosine_similarities(mole_feature: Tensor, all_patch_features: Tensor) -> Tensor:
    """Cosine of the angle between the mole's vector and each patch's, (num_patches,)."""
    patches = all_patch_features.numpy(force=True)
    everywhere = np.ones(len(patches), dtype=bool)
    similarities = cosine(mole_feature.numpy(force=True)[np.newaxis], patches, everywhere)
    return torch.from_numpy(similarities[0])


def render_heatmap(
    image_rgb: Pixels, similarities: Tensor, image_height: int, image_width: int
) -> Pixels:
    """The scaled image with its similarities in red and a green cross on the best, as BGR.

    `image_height` and `image_width` are the scaled image's; an `image_rgb` of another size is
    scaled to them. BGR is the order in which OpenCV saves and shows.
    """
    grid = _grid(Size(image_width, image_height))
    scores = np.asarray(similarities.numpy(force=True), np.float32)
    scores = scores.reshape(grid.rows, grid.columns)
    valid = np.ones(scores.shape, dtype=bool)
    row, column = divmod(int(scores.argmax()), grid.columns)
    target = FeatureMap(
        Photo.of(resized(image_rgb, grid.scaled)), grid, scores[..., np.newaxis], valid
    )
    best = grid.centre_of(Cell(row, column))
    match = Match("mole", grid, scores, valid, best, float(scores[row, column]))
    picture = Heatmap().render(Query("mole", (View(target, best),)), target, match)
    return np.ascontiguousarray(picture[..., ::-1])


def _describe(scaled_image: Pixels, model: Any) -> Vectors:
    _grid(_size(scaled_image))
    vectors: Vectors = VisionTransformer(model).extract(scaled_image[np.newaxis])[0]
    return vectors


def _size(image: Pixels) -> Size:
    return Photo.of(image).size


def _grid(size: Size) -> PatchGrid:
    """The grid of an image scaled already. Raises UsageError when a side does not divide."""
    if size.width % PATCH or size.height % PATCH:
        raise UsageError(f"an image of {size} has no whole {PATCH} px patches; scale it to fit")
    return PatchGrid(size, PATCH, size.height // PATCH, size.width // PATCH)
