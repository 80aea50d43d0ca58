"""DINOv3 patch features with timm and torch."""

import contextlib
import sys
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
from mel_debug.core.errors import WeightsError, is_out_of_memory, one_line
from mel_debug.core.stages import BuildOptions
from mel_debug.core.types import Colour, Pixels, Vectors


def build(timm_name: str, weights: Path | None, options: BuildOptions) -> "VisionTransformer":
    """See `load_model`; timm downloads weights that are None."""
    use_threads(options.threads)
    return VisionTransformer(load_model(timm_name, weights, options.device), options.precision)


def load_model(timm_name: str, weights: Path | None, device: str) -> Any:
    """A timm model for inference, without a classifier; timm downloads the weights if None.

    Raises WeightsError for weights that are damaged or belong to another model.
    """
    if weights is not None:
        model = _loaded(timm_name, weights)
    else:
        try:
            model = timm.create_model(timm_name, pretrained=True, num_classes=0)
        except Exception as error:  # timm, torch, safetensors and the hub have no common error
            if is_out_of_memory(error):
                raise
            reason = one_line(error)[:200] or type(error).__name__
            raise WeightsError(
                f"the weights from the hub don't load as {timm_name} ({reason}); try again, or "
                "give a checkpoint with `weights=PATH`"
            ) from error
    return model.eval().requires_grad_(False).to(torch_device(device))


def _loaded(timm_name: str, weights: Path) -> Any:
    """Like `create_model(pretrained=True)` with a local file, but without initialising first.

    The model is built on the meta device and gets the tensors of the checkpoint, which safetensors
    maps from the file. Drawing random weights takes longer than the search of one photo.
    """
    from timm.models.eva import checkpoint_filter_fn

    state = read_checkpoint(weights)
    with torch.device("meta"):
        model = timm.create_model(timm_name, pretrained=False, num_classes=0)
    for module in model.modules():
        # Values that are not in checkpoints, such as the periods of the rotary embedding.
        if hasattr(module, "init_non_persistent_buffers"):
            module.to_empty(device="cpu", recurse=False)
            module.init_non_persistent_buffers()
    try:
        with contextlib.redirect_stdout(sys.stderr):  # it prints the names it leaves out
            fitted = checkpoint_filter_fn(state, model)
        model.load_state_dict(
            {name: tensor.float() for name, tensor in fitted.items()}, assign=True
        )
    except Exception as error:  # timm and torch raise various errors for other weights
        if is_out_of_memory(error):
            raise
        raise WeightsError(mismatch_reason(weights, state, timm_name, error)) from error
    return model


class VisionTransformer:
    """A timm vision transformer as a feature extractor, run by torch.

    Images are normalised by the mean and standard deviation in the model's config. The prefix
    tokens ([CLS] and registers) are dropped. `precision` is f32 or bf16.
    """

    def __init__(self, model: Any, precision: str = "f32") -> None:
        self.model = model
        self.patch = int(model.patch_embed.patch_size[0])
        self._precision = precision
        self._mean = tuple(float(value) for value in model.pretrained_cfg["mean"])
        self._std = tuple(float(value) for value in model.pretrained_cfg["std"])

    @property
    def mean_colour(self) -> Colour:
        red, green, blue = (round(255 * value) for value in self._mean)
        return red, green, blue

    def extract(self, images: Pixels) -> Vectors:
        """(count, height, width, 3) uint8 to (count, rows, columns, dimensions) float32."""
        count, height, width = images.shape[:3]
        device = next(self.model.parameters()).device
        with torch.inference_mode():
            batch = on_device(images, device).permute(0, 3, 1, 2).float().div_(255)
            mean = torch.tensor(self._mean, device=device).view(3, 1, 1)
            std = torch.tensor(self._std, device=device).view(3, 1, 1)
            with low_precision(self._precision, device):
                tokens = self.model.forward_features(batch.sub_(mean).div_(std))
            patches = tokens[:, self.model.num_prefix_tokens :].float().cpu()
        rows, columns = height // self.patch, width // self.patch
        vectors: Vectors = patches.reshape(count, rows, columns, -1).numpy()
        return vectors
