"""Which sizes of images a model of timm takes, found by trials of shapes without weights."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import torch

from mel_debug.builtin.extractors.image_sizes import Sizes
from mel_debug.builtin.extractors.settings import Reading
from mel_debug.builtin.extractors.timm_models import create
from mel_debug.builtin.extractors.timm_reader import FeatureReader, strides_of
from mel_debug.core.errors import MelError, is_out_of_memory, one_line

FACTORS = (1, 2)
"""Multiples of the coarsest stride that are tried as the step of a model. 2: MobileViT v2 pads odd
grids."""


def trial(name: str) -> tuple[tuple[int, ...], Sizes]:
    """The strides of a model's layers, and the sizes of images for which it gives a whole grid.

    Raises MelError for a model that gives none, neither for images of any size nor for its own.
    """
    model = _built(name, "meta")
    strides = strides_of(model)
    reasons: list[str] = []
    for device in ("meta", "cpu"):
        if device == "cpu":  # slower, since weights are drawn
            model = _built(name, device)
        reasons = []
        for (height, width), sizes in _candidates(model, max(strides)):
            reason = _fault(model, strides, height, width)
            if reason is None:
                return strides, sizes
            reasons.append(f"of {width} x {height} pixels: {reason}")
        if not any("meta" in reason for reason in reasons):
            break
    raise MelError(
        f"timm:{name} gives no whole grid of features, not even for its own images {reasons[-1]}; "
        "try another model"
    )


def _built(name: str, device: str) -> Any:
    with torch.device(device), contextlib.redirect_stdout(sys.stderr):
        return create(name, pretrained=False).eval()


def _candidates(model: Any, step: int) -> Iterator[tuple[tuple[int, int], Sizes]]:
    """Heights and widths to try, and what it means if the model takes them, best first."""
    for factor in FACTORS:
        yield (2 * factor * step, 3 * factor * step), Sizes(factor * step)
    _, height, width = model.pretrained_cfg["input_size"]
    if height == width:
        yield (2 * height, 3 * width), Sizes(height)
    yield (height, width), Sizes(step, (height, width))


def _fault(model: Any, strides: tuple[int, ...], height: int, width: int) -> str | None:
    """The reason why a model gives no grid for images of a size; None if it does."""
    device = next(model.parameters()).device
    stride = strides[-1]
    if height % stride or width % stride:
        return f"their sides are no multiples of its stride of {stride}"
    try:
        reader = FeatureReader(model, Reading((-1,), norm=True))
        with torch.no_grad():
            features = reader(torch.zeros(1, 3, height, width, device=device))
    except Exception as error:  # models raise whatever comes to mind
        if is_out_of_memory(error):
            raise
        return one_line(error).rstrip(";")[:120] or type(error).__name__
    rows, columns = height // stride, width // stride
    if tuple(features.shape[1:-1]) in ((rows, columns), (rows * columns,)):
        return None
    return f"features of {tuple(features.shape)} instead of a grid of {rows} x {columns}"
