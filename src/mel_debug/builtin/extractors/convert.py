"""Converting DINOv3 of timm to an OpenVINO graph for images and batches of any size."""

import warnings
from typing import Any

import numpy as np
import torch

from mel_debug.builtin.extractors.graphs import Facts
from mel_debug.builtin.extractors.openvino_import import openvino
from mel_debug.builtin.extractors.rotary import rotary_table
from mel_debug.core.errors import MelError

TRACED = (2, 48, 80)
"""Count, height and width of the images to trace with; the graph does not depend on them."""


class _TableInput(torch.nn.Module):  # type: ignore[misc] # torch has no types
    """A replacement of timm's rotary embedding that returns a table passed as an input.

    timm computes the table in Python from the shape of the grid, so a trace of it would contain the
    numbers of one shape.
    """

    table: torch.Tensor

    def get_embed(self, *_: object, **__: object) -> torch.Tensor:
        return self.table


class _Patches(torch.nn.Module):  # type: ignore[misc]
    """Computes patch vectors from images (count, height, width, 3) uint8 and a rotary table."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.table_input = model.rope = _TableInput()
        mean, std = (torch.tensor(model.pretrained_cfg[name]) for name in ("mean", "std"))
        self.register_buffer("scale", (1 / (255 * std)).view(3, 1, 1))
        self.register_buffer("shift", (mean / std).view(3, 1, 1))

    def forward(self, images: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        self.table_input.table = table
        batch = images.permute(0, 3, 1, 2).float() * self.scale - self.shift
        tokens: torch.Tensor = self.model.forward_features(batch)
        return tokens[:, self.model.num_prefix_tokens :]


def convert(model: Any) -> tuple[Any, Facts]:
    """Convert a timm DINOv3 to an OpenVINO model and its facts. Changes the timm model.

    The inputs are images (count, height, width, 3) uint8 and the rotary table of their grid; the
    output is (count, patches, dimensions) float32. Raises MelError if timm's rotary embedding
    differs from `rotary_table`.
    """
    facts = _facts(model)
    count, height, width = TRACED
    table = _checked_table(model, facts, height // facts.patch, width // facts.patch)
    images = torch.arange(count * height * width * 3).view(count, height, width, 3)
    with warnings.catch_warnings(), torch.no_grad():
        # torch recommends its newer exporter, and warns of conditions that tracing makes constant:
        # these only check sizes, and hold for every size.
        warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch")
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
        graph = openvino.convert_model(
            _Patches(model).eval(),
            example_input=(images.remainder(256).to(torch.uint8), table),
            input=[
                ([-1, -1, -1, 3], openvino.Type.u8),
                ([-1, 2 * facts.head_dimensions], openvino.Type.f32),
            ],
        )
    return graph, facts


def _facts(model: Any) -> Facts:
    red, green, blue = (round(255 * float(value)) for value in model.pretrained_cfg["mean"])
    return Facts(
        patch=int(model.patch_embed.patch_size[0]),
        mean_colour=(red, green, blue),
        head_dimensions=int(model.rope.dim),
        temperature=float(model.rope.temperature),
    )


def _checked_table(model: Any, facts: Facts, rows: int, columns: int) -> torch.Tensor:
    table = rotary_table(rows, columns, facts.head_dimensions, facts.temperature)
    timms = model.rope.get_embed(shape=(rows, columns)).numpy()
    if table.shape != timms.shape or np.abs(table - timms).max() > 1e-5:
        raise MelError(
            "this version of timm computes the rotary embedding of DINOv3 differently; "
            "try `runtime=torch`"
        )
    return torch.from_numpy(table)
