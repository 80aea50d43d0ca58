"""Converting models of timm to OpenVINO graphs for images and batches of any size."""

import warnings
from typing import Any

import numpy as np
import torch

from mel_debug.builtin.extractors.graphs import ConversionError, Facts
from mel_debug.builtin.extractors.openvino_import import openvino
from mel_debug.builtin.extractors.rotary import rotary_table
from mel_debug.builtin.extractors.settings import Reading
from mel_debug.builtin.extractors.timm_reader import FeatureReader, as_bytes, colours_of
from mel_debug.core.errors import is_out_of_memory, one_line

TRACED = (2, 3, 5)
"""Count, and height and width in steps, of the images to trace with; the graph fits all others."""


class _TableInput(torch.nn.Module):  # type: ignore[misc] # torch has no types
    """A replacement of timm's rotary embedding that returns a table passed as an input.

    timm computes the table in Python from the shape of the grid, so a trace of it would contain the
    numbers of one shape.
    """

    table: torch.Tensor

    def get_embed(self, *_: object, **__: object) -> torch.Tensor:
        return self.table


class _Features(torch.nn.Module):  # type: ignore[misc]
    """Computes vectors of images (count, height, width, 3) uint8, with a rotary table if needed."""

    def __init__(self, model: Any, reading: Reading, table_input: _TableInput | None) -> None:
        super().__init__()
        self.reader = FeatureReader(model, reading)
        self.table_input = table_input
        mean, std = (torch.tensor(values) for values in colours_of(model))
        self.register_buffer("scale", (1 / (255 * std)).view(3, 1, 1))
        self.register_buffer("shift", (mean / std).view(3, 1, 1))

    def forward(self, images: torch.Tensor, table: torch.Tensor | None = None) -> torch.Tensor:
        if self.table_input is not None and table is not None:
            self.table_input.table = table
        batch = images.permute(0, 3, 1, 2).float() * self.scale - self.shift
        vectors: torch.Tensor = self.reader(batch)
        return vectors


def convert(model: Any, reading: Reading) -> tuple[Any, Facts]:
    """Convert a timm model to an OpenVINO model and its facts. Changes the timm model.

    The inputs are images (count, height, width, 3) uint8 and, for DINOv3's vision transformers, the
    rotary table of their grid; the output has the vectors of all patches, row by row, float32.
    Raises ConversionError if timm's rotary embedding differs from `rotary_table`, or the model has
    parts that OpenVINO lacks.
    """
    facts = _facts(model, reading)
    count, rows, columns = TRACED
    height, width = rows * facts.step, columns * facts.step
    images = torch.arange(count * height * width * 3).view(count, height, width, 3)
    example = [images.remainder(256).to(torch.uint8)]
    inputs: list[Any] = [([-1, -1, -1, 3], openvino.Type.u8)]
    table_input = None
    if facts.head_dimensions:
        example.append(_checked_table(model, facts, height // facts.patch, width // facts.patch))
        inputs.append(([-1, 2 * facts.head_dimensions], openvino.Type.f32))
        table_input = model.rope = _TableInput()
    with warnings.catch_warnings(), torch.no_grad():
        # torch recommends its newer exporter, and warns of conditions that tracing makes constant:
        # these only check sizes, and hold for every size.
        warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch")
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
        try:
            graph = openvino.convert_model(
                _Features(model, reading, table_input).eval(),
                example_input=tuple(example),
                input=inputs,
            )
        except Exception as error:  # of OpenVINO, torch or the model
            if is_out_of_memory(error):
                raise
            raise ConversionError.because(
                f"{type(model).__name__} of timm can't be converted to OpenVINO "
                f"({one_line(error)[:120]})"
            ) from error
    return graph, facts


def _facts(model: Any, reading: Reading) -> Facts:
    reader = FeatureReader(model, reading)
    rope = getattr(model, "rope", None)
    return Facts(
        patch=reader.patch,
        step=reader.step,
        mean_colour=as_bytes(colours_of(model)[0]),
        head_dimensions=0 if rope is None else int(rope.dim),
        temperature=0.0 if rope is None else float(rope.temperature),
    )


def _checked_table(model: Any, facts: Facts, rows: int, columns: int) -> torch.Tensor:
    table = rotary_table(rows, columns, facts.head_dimensions, facts.temperature)
    timms = model.rope.get_embed(shape=(rows, columns)).numpy()
    if table.shape != timms.shape or np.abs(table - timms).max() > 1e-5:
        raise ConversionError.because(
            "this version of timm computes the rotary embedding of DINOv3 differently than OpenVINO"
        )
    return torch.from_numpy(table)
