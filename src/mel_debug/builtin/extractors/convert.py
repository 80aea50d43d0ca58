"""From timm's DINOv3 to an OpenVINO graph for photos and batches of any size."""

import warnings
from typing import Any

import numpy as np
import torch

from mel_debug.builtin.extractors.graphs import Facts
from mel_debug.builtin.extractors.openvino_import import openvino
from mel_debug.builtin.extractors.rotary import rotary_table
from mel_debug.core.errors import MelError

TRACED = (2, 48, 80)
"""Count, height and width of what is traced; none of them stays in the graph."""


class _Given(torch.nn.Module):  # type: ignore[misc] # torch is not seen by the checker
    """Stands where timm's rotary embedding does and gives the table that it was given.

    timm's own is computed in Python from the shape of the grid, so that a trace of it holds the
    numbers of one shape.
    """

    table: torch.Tensor

    def get_embed(self, *_: object, **__: object) -> torch.Tensor:
        return self.table


class _Patches(torch.nn.Module):  # type: ignore[misc]
    """Images (count, height, width, 3) uint8 and a rotary table to the patches' vectors."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.given = model.rope = _Given()
        mean, std = (torch.tensor(model.pretrained_cfg[name]) for name in ("mean", "std"))
        self.register_buffer("scale", (1 / (255 * std)).view(3, 1, 1))
        self.register_buffer("shift", (mean / std).view(3, 1, 1))

    def forward(self, images: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        self.given.table = table
        batch = images.permute(0, 3, 1, 2).float() * self.scale - self.shift
        tokens: torch.Tensor = self.model.forward_features(batch)
        return tokens[:, self.model.num_prefix_tokens :]


def converted(model: Any) -> tuple[Any, Facts]:
    """A timm DINOv3 as an OpenVINO model, and what it takes to run it. Changes the timm model.

    The graph takes images (count, height, width, 3) uint8 and the rotary table of their grid, and
    gives (count, patches, dimensions) float32. Raises MelError when timm's rotary embedding is not
    the one `rotary_table` computes.
    """
    facts = _facts(model)
    count, height, width = TRACED
    table = _checked_table(model, facts, height // facts.patch, width // facts.patch)
    images = torch.arange(count * height * width * 3).view(count, height, width, 3)
    with warnings.catch_warnings(), torch.no_grad():
        # torch would rather see its exporter used, and that Python's ifs are on numbers it traces;
        # those are checks of sizes, which hold for every size.
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
            "this release of timm computes DINOv3's rotary embedding in another way; "
            "try `runtime=torch`"
        )
    return torch.from_numpy(table)
