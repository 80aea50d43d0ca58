"""Reading the features of layers from a model of timm, and what its config says."""

from collections.abc import Sequence
from typing import Any

import timm
import torch

from mel_debug.builtin.extractors.settings import Reading
from mel_debug.core.errors import MelError
from mel_debug.core.types import Colour


class FeatureReader(torch.nn.Module):  # type: ignore[misc] # torch has no types
    """The features of some layers of a model, for normalised images (count, 3, height, width).

    `patch` is the stride of the finest layer and `step` that of the coarsest: sides of images are
    multiples of it.
    """

    def __init__(self, model: Any, reading: Reading) -> None:
        super().__init__()
        self.model = model
        strides = strides_of(model)
        self.layers = sorted(layer % len(strides) for layer in reading.layers)
        self.factors = [strides[layer] for layer in self.layers]
        self.patch, self.step = min(self.factors), max(self.factors)
        self.last = len(strides) - 1
        self.norm = reading.norm
        self.is_wrapped = not hasattr(model, "forward_intermediates")  # by `features_only`
        has_prefix = hasattr(model, "num_prefix_tokens") and not self.is_wrapped
        self.has_tokens = has_prefix and self.patch == self.step
        # ConvNeXt applies its final norm in its head, after pooling; Meta applies it to each patch.
        self.head_norm = getattr(getattr(model, "head", None), "norm", None)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """(count, rows, columns, dimensions), or (count, rows * columns, dimensions)."""
        maps = self.maps(batch)
        if self.has_tokens:
            return torch.cat(maps, dim=-1)
        if self.norm and self.layers[-1] == self.last:
            maps[-1] = _normalised(maps[-1], self.head_norm)
        fitted = [
            _upsampled(each, factor // self.patch)
            for each, factor in zip(maps, self.factors, strict=True)
        ]
        return torch.cat(fitted, dim=1).permute(0, 2, 3, 1)

    def maps(self, batch: torch.Tensor) -> list[torch.Tensor]:
        """The features of each layer: (count, dimensions, rows, columns), or tokens by rows."""
        if self.is_wrapped:
            maps = self.model(batch)
            return [maps[layer] for layer in self.layers]
        arguments = {"indices": self.layers, "stop_early": True, "intermediates_only": True}
        if self.has_tokens:
            tokens = self.model.forward_intermediates(
                batch, norm=self.norm, output_fmt="NLC", **arguments
            )
            return list(tokens)
        try:
            maps = self.model.forward_intermediates(batch, norm=self.norm, **arguments)
        except AssertionError:  # "normalization of features not supported"
            maps = self.model.forward_intermediates(batch, norm=False, **arguments)
        return list(maps)


def _normalised(features: torch.Tensor, norm: Any) -> torch.Tensor:
    """A map after the norm of a model's head; unchanged if the norm is not one of its channels."""
    if not isinstance(norm, torch.nn.LayerNorm) or norm.normalized_shape != (features.shape[1],):
        return features
    if isinstance(norm, timm.layers.LayerNorm2d):
        result: torch.Tensor = norm(features)
    else:  # of vectors that come last
        result = norm(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    return result


def _upsampled(features: torch.Tensor, factor: int) -> torch.Tensor:
    if factor == 1:
        return features
    return torch.nn.functional.interpolate(
        features, scale_factor=float(factor), mode="bilinear", align_corners=False
    )


def strides_of(model: Any) -> tuple[int, ...]:
    """The scaled pixels between two vectors, for each layer of a timm model.

    Raises MelError for a model that gives no grids of features.
    """
    info: Any = getattr(model, "feature_info", None)
    if hasattr(model, "forward_intermediates"):
        strides = [each["reduction"] for each in getattr(info, "info", info) or ()]
    else:  # some of the layers, by `features_only`
        strides = list(info.reduction()) if hasattr(info, "reduction") else []
    if not strides:
        raise MelError(
            f"{type(model).__name__} of timm gives no grid of features; try another model"
        )
    return tuple(int(max(each) if isinstance(each, Sequence) else each) for each in strides)


def colours_of(model: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of red, green and blue, 0 to 1, in a model's config."""
    mean, std = (tuple(float(v) for v in model.pretrained_cfg[key]) for key in ("mean", "std"))
    return mean, std


def as_bytes(colour: Sequence[float]) -> Colour:
    """A colour with values from 0 to 1, as bytes."""
    red, green, blue = (round(255 * value) for value in colour)
    return red, green, blue
