"""Features of models of timm with torch: vision transformers, ConvNeXt, and others with a grid."""

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import timm
import torch

from mel_debug.builtin.extractors.checkpoints import mismatch_reason, read_checkpoint
from mel_debug.builtin.extractors.device import (
    low_precision,
    on_device,
    torch_device,
    use_threads,
)
from mel_debug.builtin.extractors.layouts import in_timms_layout, with_fitting_biases
from mel_debug.builtin.extractors.padding import padded
from mel_debug.builtin.extractors.settings import Reading
from mel_debug.core.errors import MelError, WeightsError, is_out_of_memory, one_line
from mel_debug.core.stages import BuildOptions
from mel_debug.core.types import Colour, Pixels, Vectors

LAST = Reading((-1,), norm=True)
"""The last layer with the final norm."""

_ANY_SIZE: tuple[dict[str, bool], ...] = (
    {"dynamic_img_size": True},
    {"strict_img_size": False},
    {},
)
"""Arguments with which models take images of any size; each kind of model knows some of them."""


def build(
    timm_name: str, weights: Path | None, reading: Reading, options: BuildOptions
) -> "TimmExtractor":
    """See `load_model`; timm downloads weights that are None."""
    use_threads(options.threads)
    model = load_model(timm_name, weights, options.device)
    return TimmExtractor(model, reading, options.precision)


def load_model(timm_name: str, weights: Path | None, device: str) -> Any:
    """A timm model for inference, without a classifier; timm downloads the weights if None.

    `weights` is a file or a folder, in the layout of timm, Meta or Hugging Face transformers. If a
    checkpoint of DINOv3 has biases that the model lacks, the model is timm's twin that has them.
    Raises WeightsError for weights that are damaged or belong to another model.
    """
    if weights is not None:
        model = _loaded(timm_name, weights)
    else:
        try:
            model = create(timm_name, pretrained=True)
        except Exception as error:  # timm, torch, safetensors and the hub have no common error
            if is_out_of_memory(error):
                raise
            reason = one_line(error)[:200] or type(error).__name__
            raise WeightsError(
                f"the weights from the hub don't load as {timm_name} ({reason}); try again, or "
                "give a checkpoint with `weights=PATH`"
            ) from error
    return model.eval().requires_grad_(False).to(torch_device(device))


def create(timm_name: str, **arguments: Any) -> Any:
    """A model of timm without a classifier, for images of any size if it can take them."""
    for more in _ANY_SIZE[:-1]:
        with contextlib.suppress(TypeError):  # another kind of model
            return timm.create_model(timm_name, num_classes=0, **arguments, **more)
    return timm.create_model(timm_name, num_classes=0, **arguments)


def _loaded(timm_name: str, weights: Path) -> Any:
    state = read_checkpoint(weights)
    try:
        name, fitted = with_fitting_biases(timm_name, in_timms_layout(state))
        if _is_eva(name):
            return _without_initialising(name, fitted)
        floats = {key: tensor.float() for key, tensor in fitted.items()}
        # timm's own loading converts older layouts and leaves out the classifier.
        return create(name, pretrained=True, pretrained_cfg_overlay={"state_dict": floats})
    except Exception as error:  # timm and torch raise various errors for other weights
        if is_out_of_memory(error) or isinstance(error, WeightsError):
            raise
        raise WeightsError(mismatch_reason(weights, state, timm_name, error)) from error


def _is_eva(timm_name: str) -> bool:
    """Whether a model is one of timm's Eva class, as all vision transformers of DINOv3 are."""
    entry = timm.models.model_entrypoint(timm_name.partition(".")[0])
    return str(entry.__module__) == "timm.models.eva"


def _without_initialising(timm_name: str, state: dict[str, torch.Tensor]) -> Any:
    """Like `create_model(pretrained=True)` with a local file, but without initialising first.

    The model is built on the meta device and gets the tensors of the checkpoint, which safetensors
    maps from the file. Drawing random weights takes longer than the search of one photo.
    """
    from timm.models.eva import checkpoint_filter_fn

    with torch.device("meta"):
        model = timm.create_model(timm_name, pretrained=False, num_classes=0)
    for module in model.modules():
        # Values that are not in checkpoints, such as the periods of the rotary embedding.
        if hasattr(module, "init_non_persistent_buffers"):
            module.to_empty(device="cpu", recurse=False)
            module.init_non_persistent_buffers()
    with contextlib.redirect_stdout(sys.stderr):  # it prints the names it leaves out
        fitted = checkpoint_filter_fn(state, model)
    wanted = model.state_dict().keys()
    classifier = model.default_cfg["classifier"]
    model.load_state_dict(
        {
            key: tensor.float()
            for key, tensor in fitted.items()
            if key in wanted or not key.startswith(f"{classifier}.")
        },
        assign=True,
    )
    return model


class TimmExtractor:
    """A timm model as a feature extractor, run by torch.

    Images are normalised by the mean and standard deviation in the model's config. Prefix tokens
    ([CLS] and registers) are dropped. Layers of coarser grids are interpolated to the finest one.
    `precision` is f32 or bf16.
    """

    def __init__(self, model: Any, reading: Reading = LAST, precision: str = "f32") -> None:
        self.model = model
        self.reader = FeatureReader(model, reading)
        self.patch = self.reader.patch
        self._precision = precision
        self._mean, self._std = colours_of(model)

    @property
    def mean_colour(self) -> Colour:
        return as_bytes(self._mean)

    def extract(self, images: Pixels) -> Vectors:
        """(count, height, width, 3) uint8 to (count, rows, columns, dimensions) float32."""
        height, width = images.shape[1:3]
        device = next(self.model.parameters()).device
        with torch.inference_mode():
            whole = padded(images, self.reader.step)
            batch = on_device(whole, device).permute(0, 3, 1, 2).float().div_(255)
            mean = torch.tensor(self._mean, device=device).view(3, 1, 1)
            std = torch.tensor(self._std, device=device).view(3, 1, 1)
            with low_precision(self._precision, device):
                features = self.reader(batch.sub_(mean).div_(std))
            grid = [side // self.patch for side in whole.shape[1:3]]
            maps = features.float().reshape(len(images), *grid, -1)
            inside = maps[:, : height // self.patch, : width // self.patch]
            vectors: Vectors = inside.contiguous().cpu().numpy()
        return vectors


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
        self.has_tokens = hasattr(model, "num_prefix_tokens") and self.patch == self.step
        # ConvNeXt applies its final norm in its head, after pooling; Meta applies it to each patch.
        head = getattr(getattr(model, "head", None), "norm", None)
        self.head_norm = head if isinstance(head, torch.nn.Module) else None

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """(count, rows, columns, dimensions), or (count, rows * columns, dimensions)."""
        maps = self._intermediates(batch)
        if self.has_tokens:
            return torch.cat(maps, dim=-1)
        if self.norm and self.head_norm is not None and self.layers[-1] == self.last:
            maps[-1] = self.head_norm(maps[-1])
        fitted = [
            _upsampled(each, factor // self.patch)
            for each, factor in zip(maps, self.factors, strict=True)
        ]
        return torch.cat(fitted, dim=1).permute(0, 2, 3, 1)

    def _intermediates(self, batch: torch.Tensor) -> list[torch.Tensor]:
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
    info = getattr(model, "feature_info", None)
    strides = [each["reduction"] for each in getattr(info, "info", info) or ()]
    if not strides or not hasattr(model, "forward_intermediates"):
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
