"""Dense DINOv3 patch features through timm."""

from pathlib import Path
from typing import Any

import timm
import torch

from mel_debug.builtin.extractors.device import torch_device
from mel_debug.errors import WeightsError
from mel_debug.types import Colour, Pixels, Vectors


def load_model(timm_name: str, weights: Path | None, device: str) -> Any:
    """A timm model for inference, without a classifier; timm downloads the weights if None.

    Raises WeightsError for weights that are damaged or of another model.
    """
    source = {} if weights is None else {"pretrained_cfg_overlay": {"file": str(weights)}}
    try:
        model = timm.create_model(timm_name, pretrained=True, num_classes=0, **source)
    except Exception as error:  # timm, torch, safetensors and the hub share no error
        raise _unloadable(timm_name, weights, error) from error
    return model.eval().requires_grad_(False).to(torch_device(device))


def _unloadable(name: str, path: Path | None, error: Exception) -> WeightsError:
    where = path or "the hub"
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return WeightsError(
        f"the weights from {where} don't load as {name} ({reason}); "
        "are they whole, and of this model and size?"
    )


class VisionTransformer:
    """A timm vision transformer as a feature extractor.

    The model's own config gives the mean and standard deviation of its training images, and the
    model itself how many of its tokens come before the patches ([CLS] and registers).
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.patch = int(model.patch_embed.patch_size[0])
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
            batch = torch.tensor(images, device=device).permute(0, 3, 1, 2).float().div_(255)
            mean = torch.tensor(self._mean, device=device).view(3, 1, 1)
            std = torch.tensor(self._std, device=device).view(3, 1, 1)
            tokens = self.model.forward_features(batch.sub_(mean).div_(std))
            patches = tokens[:, self.model.num_prefix_tokens :].float().cpu()
        rows, columns = height // self.patch, width // self.patch
        vectors: Vectors = patches.reshape(count, rows, columns, -1).numpy()
        return vectors
