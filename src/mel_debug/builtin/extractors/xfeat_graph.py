"""XFeat as an ONNX graph, made from its weights without torch.

The layers are those of Potje et al. (2024), without the heads for keypoints and reliability, which
dense descriptors don't need. The input is (n, 1, height, width) float32 grey of mean 0 and variance
1, with sides that are multiples of `STRIDE`; the output is (n, 64, height / 8, width / 8).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.extractors.light_checkpoint import Arrays, read_arrays
from mel_debug.builtin.extractors.onnx_format import Graph
from mel_debug.builtin.extractors.weight_files import check_weights
from mel_debug.core.errors import WeightsError
from mel_debug.core.types import Pixels

PATCH = 8
STRIDE = 32
"""The network halves an image five times, so its sides must be multiples of 2 ** 5."""

EPSILON = 1e-5
"""Added to variances by instance and batch normalisation, as in torch."""

GREY_LEVELS = 3 * 255
"""The largest sum of the three channels, which is white: 1 in the network's own units."""

ANY_SHAPE = ("n", 1, "height", "width")

NOMINAL_SHAPE = (1, 1, 2 * STRIDE, 2 * STRIDE)
"""OpenCV 4 reads no file with open dimensions, but runs one with these on images of any size."""

_BLOCKS: Mapping[str, tuple[tuple[int, int, int, int], ...]] = {
    "block1": ((1, 4, 3, 1), (4, 8, 3, 2), (8, 8, 3, 1), (8, 24, 3, 2)),
    "block2": ((24, 24, 3, 1), (24, 24, 3, 1)),
    "block3": ((24, 64, 3, 2), (64, 64, 3, 1), (64, 64, 1, 1)),
    "block4": ((64, 64, 3, 2), (64, 64, 3, 1), (64, 64, 3, 1)),
    "block5": ((64, 128, 3, 2), (128, 128, 3, 1), (128, 128, 3, 1), (128, 64, 1, 1)),
    "block_fusion": ((64, 64, 3, 1), (64, 64, 3, 1)),
}
"""Channels in and out, kernel side and step of the convolutions of each block."""


def read_state(path: Path) -> Arrays:
    """The weights in a file as arrays; torch reads what numpy can't.

    Raises WeightsError for a file without weights.
    """
    check_weights(path)
    try:
        state = read_arrays(path)
    except OSError as error:
        raise WeightsError(f"{path} can't be read ({error.strerror or error})") from error
    if state is None:
        from mel_debug.builtin.extractors.checkpoints import read_checkpoint

        state = {name: tensor.numpy() for name, tensor in read_checkpoint(path).items()}
    return state


def xfeat_graph(state: Arrays, path: Path, shape: Sequence[int | str] = ANY_SHAPE) -> bytes:
    """The ONNX file of XFeat with these weights; `path` is theirs, for messages.

    `shape` is what the file declares of its input; see `NOMINAL_SHAPE`. Raises WeightsError for the
    weights of another model.
    """
    graph = Graph()
    try:
        output = _layers(graph, state)
    except (KeyError, ValueError) as error:
        raise other_model(path, state) from error
    return graph.encode(shape, output)


def other_model(path: Path, state: Mapping[str, Any]) -> WeightsError:
    """The error for the weights of another model."""
    return WeightsError(
        f"{path} contains the weights of another model ({len(state)} tensors such as "
        f"{min(state, default='none')[:60]!r}), not of XFeat; leave out `weights` to use those of "
        "the package"
    )


def normalised(images: Pixels) -> NDArray[np.float32]:
    """The network's input for (n, height, width, 3) images, with repeated edges up to `STRIDE`.

    Instance normalisation is computed here in whole numbers: in float32 OpenVINO's sums over a
    photo are off by 5e-4 of a descriptor's length.
    """
    height, width = images.shape[1:3]
    grey = images[..., 0].astype(np.uint16)
    grey += images[..., 1]
    grey += images[..., 2]
    margin = ((0, 0), (0, -height % STRIDE), (0, -width % STRIDE))
    grey = np.pad(grey, margin, mode="edge")
    result = np.empty((len(grey), 1, *grey.shape[1:]), dtype=np.float32)
    for image, out in zip(grey, result[:, 0], strict=True):
        counts = np.bincount(image.ravel(), minlength=GREY_LEVELS + 1)
        levels = np.arange(len(counts))
        mean = (counts @ levels) / image.size
        variance = (counts @ (levels - mean) ** 2) / image.size
        table = (levels - mean) / np.sqrt(variance + EPSILON * GREY_LEVELS**2)
        np.take(table.astype(np.float32), image, out=out)
    return result


def _layers(graph: Graph, state: Arrays) -> str:
    """Add all layers; returns the output. Raises KeyError or ValueError for other weights."""

    def block(name: str, value: str) -> str:
        for number, (inputs, outputs, side, step) in enumerate(_BLOCKS[name]):
            weight, bias = _fused(state, f"{name}.{number}.layer", (outputs, inputs, side, side))
            value = graph.node("Relu", [_convolution(graph, value, weight, bias, step)])
        return value

    def plain(name: str, value: str, inputs: int, outputs: int) -> str:
        weight = _shaped(state[f"{name}.weight"], (outputs, inputs, 1, 1))
        return _convolution(graph, value, weight, _shaped(state[f"{name}.bias"], (outputs,)), 1)

    def enlarged(value: str, times: int) -> str:
        scales = graph.weight(np.array([1, 1, times, times], dtype=np.float32))
        mode = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        return graph.node("Resize", [value, "", scales], mode)

    pooled = graph.node("AveragePool", ["x"], {"kernel_shape": (4, 4), "strides": (4, 4)})
    quarter = graph.node("Add", [block("block1", "x"), plain("skip1.1", pooled, 1, 24)])
    eighth = block("block3", block("block2", quarter))
    sixteenth = block("block4", eighth)
    coarse = enlarged(block("block5", sixteenth), 4)
    fused = graph.node("Add", [graph.node("Add", [eighth, enlarged(sixteenth, 2)]), coarse])
    return plain("block_fusion.2", block("block_fusion", fused), 64, 64)


def _convolution(
    graph: Graph, value: str, weight: NDArray[np.float32], bias: NDArray[np.float32], step: int
) -> str:
    side = weight.shape[-1]
    attributes = {
        "kernel_shape": (side, side),
        "pads": (side // 2,) * 4,
        "strides": (step, step),
    }
    return graph.node("Conv", [value, graph.weight(weight), graph.weight(bias)], attributes)


def _fused(
    state: Arrays, layer: str, shape: tuple[int, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weight and bias of a convolution with the batch normalisation after it."""
    weight = _shaped(state[f"{layer}.0.weight"], shape).astype(np.float64)
    mean = _shaped(state[f"{layer}.1.running_mean"], shape[:1]).astype(np.float64)
    variance = _shaped(state[f"{layer}.1.running_var"], shape[:1]).astype(np.float64)
    scale = 1 / np.sqrt(variance + EPSILON)
    fused = weight * scale[:, np.newaxis, np.newaxis, np.newaxis]
    return fused.astype(np.float32), (-mean * scale).astype(np.float32)


def _shaped(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if values.shape != shape:
        raise ValueError(f"{values.shape} instead of {shape}")
    return values
