"""Models of timm converted to OpenVINO graphs: their files, their facts and their keys."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from mel_debug.core.errors import MelError

FORMAT = 3
"""Part of every key: increase it whenever the conversion changes, so that old graphs are unused."""

MODEL, WEIGHTS, FACTS = "model.xml", "model.bin", "facts.json"

REFUSED = "refused.txt"
"""The file that a folder has instead if OpenVINO can't run the model: the reason."""

COMPILED = "compiled"
COMPILED_FILES = (f"{COMPILED}/*.blob", f"{COMPILED}/*.cl_cache")
"""The folder in which OpenVINO caches the compiled model, and the names of its files."""


_HINT = "; try `runtime=torch`"


class ConversionError(MelError):
    """OpenVINO can't run a model."""

    @classmethod
    def because(cls, reason: str) -> "ConversionError":
        """The error of a reason, with what to try."""
        return cls(f"{reason}{_HINT}")

    @property
    def reason(self) -> str:
        """The message without what to try."""
        return str(self).removesuffix(_HINT)


@dataclass(frozen=True, slots=True)
class Facts:
    """The numbers of a model that are needed to run its graph.

    `patch` is the side of a patch in pixels; the sides of images must be multiples of `step`.
    `mean_colour` is RGB, 0 to 255. `head_dimensions` and `temperature` are the parameters of
    `rotary_table`; 0 if the model has no rotary embedding.
    """

    patch: int
    step: int
    mean_colour: tuple[int, int, int]
    head_dimensions: int
    temperature: float

    def save(self, folder: Path) -> None:
        """Write the facts into the folder of a graph."""
        (folder / FACTS).write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, folder: Path) -> "Facts":
        """Read the facts from the folder of a graph. Raises OSError or ValueError."""
        stored = json.loads((folder / FACTS).read_text())
        return cls(**{**stored, "mean_colour": tuple(stored["mean_colour"])})


def graph_key(parts: Mapping[str, str]) -> str:
    """64 hexadecimal digits for everything that a graph depends on."""
    content = json.dumps({"format": FORMAT, **parts}, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
