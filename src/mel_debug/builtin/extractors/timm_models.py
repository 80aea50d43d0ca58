"""Features of models of timm with torch: vision transformers, ConvNeXt, and others with a grid."""

import contextlib
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch

from mel_debug.builtin.extractors.checkpoints import mismatch_reason, read_checkpoint
from mel_debug.builtin.extractors.device import (
    low_precision,
    on_device,
    torch_device,
    use_threads,
)
from mel_debug.builtin.extractors.image_sizes import ANY_SIZE, Sizes
from mel_debug.builtin.extractors.layouts import in_timms_layout, with_fitting_biases
from mel_debug.builtin.extractors.padding import padded
from mel_debug.builtin.extractors.settings import Reading
from mel_debug.builtin.extractors.tiling import in_tiles
from mel_debug.builtin.extractors.timm_reader import FeatureReader, as_bytes, colours_of
from mel_debug.core.errors import MelError, WeightsError, is_out_of_memory, one_line, warn
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
    timm_name: str,
    weights: Path | None,
    reading: Reading,
    options: BuildOptions,
    sizes: Sizes = ANY_SIZE,
) -> "TimmExtractor":
    """See `load_model`; timm downloads weights that are None."""
    use_threads(options.threads)
    model = load_model(timm_name, weights, options.device)
    if sizes.tile is not None:
        height, width = sizes.tile
        warn(
            f"{timm_name} only takes images of {width} x {height} pixels, so it gets each photo in "
            "tiles of that size"
        )
    return TimmExtractor(model, reading, options.precision, sizes)


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
    """A model of timm without a classifier, for images of any size if it can take them.

    In earlier versions of timm some models lack `forward_intermediates`; they are created with
    `features_only` instead.
    """
    model = _created(timm_name, arguments)
    if not hasattr(model, "forward_intermediates"):
        with contextlib.suppress(Exception):  # models that lack both raise various errors
            return timm.create_model(timm_name, features_only=True, **arguments)
    return model


def _created(timm_name: str, arguments: dict[str, Any]) -> Any:
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
        model = create(timm_name, pretrained=False)
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
    `precision` is f32 or bf16. `sizes` are those that the model takes.
    """

    def __init__(
        self,
        model: Any,
        reading: Reading = LAST,
        precision: str = "f32",
        sizes: Sizes = ANY_SIZE,
    ) -> None:
        self.model = model
        self.reader = FeatureReader(model, reading)
        self.patch = self.reader.patch
        self._precision = precision
        self._sizes = sizes
        self._mean, self._std = colours_of(model)

    @property
    def mean_colour(self) -> Colour:
        return as_bytes(self._mean)

    def extract(self, images: Pixels) -> Vectors:
        """(count, height, width, 3) uint8 to (count, rows, columns, dimensions) float32.

        Raises MelError for a layer without a grid of features.
        """
        rows, columns = (side // self.patch for side in images.shape[1:3])
        whole = padded(images, math.lcm(self.reader.step, self._sizes.step))
        if self._sizes.tile is None:
            vectors = self._extract(whole)
        else:
            vectors = in_tiles(self._extract, whole, self._sizes.tile, self.patch)
        return np.ascontiguousarray(vectors[:, :rows, :columns])

    def _extract(self, images: Pixels) -> Vectors:
        """Like `extract`, for images of a size that the model takes."""
        device = next(self.model.parameters()).device
        with torch.inference_mode():
            batch = on_device(images, device).permute(0, 3, 1, 2).float().div_(255)
            mean = torch.tensor(self._mean, device=device).view(3, 1, 1)
            std = torch.tensor(self._std, device=device).view(3, 1, 1)
            with low_precision(self._precision, device):
                features = self.reader(batch.sub_(mean).div_(std))
            grid = [side // self.patch for side in images.shape[1:3]]
            if features.shape[1:-1].numel() != math.prod(grid):
                raise MelError(
                    f"a layer of {type(self.model).__name__} gives features of "
                    f"{tuple(features.shape)}, which are no grid of patches; try another `layer`"
                )
            vectors: Vectors = features.float().reshape(len(images), *grid, -1).cpu().numpy()
        return vectors
