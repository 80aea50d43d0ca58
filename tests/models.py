"""Models of timm and of Hugging Face transformers with seeded random weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from safetensors.torch import save_file

from mel_debug.core.types import Pixels

WEB = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of DINOv3's web images, as its authors publish them."""


def seeded(shapes: Mapping[str, torch.Tensor], seed: int = 0) -> dict[str, torch.Tensor]:
    """Random tensors of these shapes, in which every weight affects the output."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        if not shape.dtype.is_floating_point:
            state[name] = torch.zeros(shape.shape, dtype=shape.dtype)
            continue
        tensor = 0.05 * torch.randn(shape.shape, generator=generator)
        gains = ("norm.weight", "norm1.weight", "norm2.weight", "lambda1", "gamma")
        is_gain = name.endswith((*gains, "gamma_1", "gamma_2", "running_var", "stem.1.weight"))
        state[name] = tensor.abs() + 0.5 if is_gain else tensor
    return state


def weights_of(timm_name: str, path: Path) -> Path:
    """A checkpoint of a timm model, without a classifier."""
    with torch.device("meta"):
        shapes = timm.create_model(timm_name, pretrained=False, num_classes=0).state_dict()
    save_file(seeded(shapes), path)
    return path


def normalised(images: Pixels, colours: Any = WEB) -> torch.Tensor:
    """(count, height, width, 3) uint8 to the input of a model, in double precision till the end."""
    mean, std = colours
    pixels = (images.astype(np.float64) / 255 - mean) / std
    return torch.from_numpy(pixels).float().permute(0, 3, 1, 2)
