"""The stages as six plain functions, for notebooks: torch tensors and numpy images.

Images are (height, width, 3) uint8 RGB. The sides of a scaled image are multiples of 16, and its
patches are numbered row by row from the top left. Every function raises UsageError for an argument
that it can't use.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mel_debug.builtin.extractors.dinov3_sizes import PATCH, SIZES
from mel_debug.builtin.extractors.hub import find_weights
from mel_debug.builtin.extractors.timm_models import TimmExtractor, load_model
from mel_debug.builtin.matchers.similarity import cosine
from mel_debug.builtin.renderers.heatmap import Heatmap
from mel_debug.core.errors import UsageError
from mel_debug.core.geometry import Cell, PatchGrid, Point, Size
from mel_debug.core.scaling import resized
from mel_debug.core.stages import BuildOptions
from mel_debug.core.types import FeatureMap, Match, Photo, Pixels, Query, Vectors, View


def load_dinov3_model(
    dino_size: str = "base",
    *,
    weights: str | os.PathLike[str] | None = None,
    offline: bool = False,
) -> tuple[Any, int]:
    """A pretrained DINOv3 model (timm, torch) and the length of its patch vectors.

    `dino_size` is small, base, large, huge or 7b. `weights` is a checkpoint of that size to load;
    without it the published weights are read from Hugging Face's cache, or downloaded unless
    `offline`. Raises UsageError for another size and WeightsError if the weights can't be loaded.
    """
    if dino_size not in SIZES:
        raise UsageError(f"no DINOv3 size {dino_size!r}; try one of: {', '.join(SIZES)}")
    size = SIZES[dino_size]
    options = BuildOptions(weights=None if weights is None else Path(weights), offline=offline)
    path = find_weights(size.timm_name, options)
    return load_model(size.timm_name, path, options.device), size.dimensions


def scale_image_to_fit(image_rgb: Pixels, image_size: int) -> tuple[Pixels, tuple[float, float]]:
    """Scale an image so that its longer side has `image_size` pixels, a multiple of 16.

    Returns the scaled image and (scale_x, scale_y): a mole at (x, y) of the image is at
    (x * scale_x, y * scale_y) of the scaled image.
    """
    if image_size < PATCH or image_size % PATCH:
        raise UsageError(f"`image_size` must be a multiple of {PATCH} pixels, not {image_size}")
    grid = PatchGrid.fit(_size(image_rgb), image_size, PATCH)
    return resized(image_rgb, grid.scaled), grid.scale


def extract_mole_patch_feature(
    scaled_image: Pixels, mole_x: float, mole_y: float, model: Any
) -> Tensor:
    """The vector of the patch at (mole_x, mole_y) of the scaled image, (feature_dim,)."""
    cell = _grid(_size(scaled_image)).cell_of(Point(mole_x, mole_y))
    return torch.from_numpy(_extract(scaled_image, model)[cell.row, cell.column].copy())


def extract_all_patch_features(scaled_image: Pixels, model: Any) -> Tensor:
    """The vectors of all patches of a scaled image, (num_patches, feature_dim)."""
    vectors = _extract(scaled_image, model)
    return torch.from_numpy(vectors.reshape(-1, vectors.shape[-1]))


def compute_cosine_similarities(mole_feature: Tensor, all_patch_features: Tensor) -> Tensor:
    """The cosine similarity of the mole's vector and the vector of each patch, (num_patches,)."""
    patches = all_patch_features.numpy(force=True)
    valid = np.ones(len(patches), dtype=bool)
    similarities = cosine(mole_feature.numpy(force=True)[np.newaxis], patches, valid)
    return torch.from_numpy(similarities[0])


def render_heatmap(
    image_rgb: Pixels, similarities: Tensor, image_height: int, image_width: int
) -> Pixels:
    """The scaled image with similar patches in red and a green cross on the best one, as BGR.

    `similarities` is (num_patches,). `image_height` and `image_width` are those of the scaled
    image; an `image_rgb` of another size is scaled to them. OpenCV saves and shows images in BGR.
    """
    grid = _grid(Size(image_width, image_height))
    if similarities.numel() != grid.rows * grid.columns:
        raise UsageError(
            f"an image of {grid.scaled} has {grid.rows * grid.columns} patches, but there are "
            f"{similarities.numel()} similarities"
        )
    scores = np.asarray(similarities.numpy(force=True), np.float32)
    scores = scores.reshape(grid.rows, grid.columns)
    valid = np.ones(scores.shape, dtype=bool)
    row, column = divmod(int(scores.argmax()), grid.columns)
    photo = _photo(resized(_photo(image_rgb).pixels, grid.scaled))
    target = FeatureMap(photo, grid, scores[..., np.newaxis], valid)
    best = grid.centre_of(Cell(row, column))
    match = Match("mole", grid, scores, valid, best, float(scores[row, column]))
    picture = Heatmap(whole_cross=True).render(Query("mole", (View(target, best),)), target, match)
    return np.ascontiguousarray(picture[..., ::-1])


def _extract(scaled_image: Pixels, model: Any) -> Vectors:
    _grid(_size(scaled_image))
    vectors: Vectors = TimmExtractor(model).extract(scaled_image[np.newaxis])[0]
    return vectors


def _size(image: Pixels) -> Size:
    return _photo(image).size


def _photo(image: Pixels) -> Photo:
    try:
        return Photo.of(image, name="image")
    except (ValueError, AttributeError) as error:
        raise UsageError(
            f"an image must be a (height, width, 3) uint8 RGB array ({error})"
        ) from error


def _grid(size: Size) -> PatchGrid:
    """The grid of a scaled image. Raises UsageError if a side is not a multiple of 16."""
    if size.width % PATCH or size.height % PATCH:
        raise UsageError(
            f"an image of {size} has no whole {PATCH} px patches; "
            "scale it with `scale_image_to_fit`"
        )
    return PatchGrid(size, PATCH, size.height // PATCH, size.width // PATCH)
