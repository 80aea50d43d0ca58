"""Converted models on disk: each whole or absent, shared by processes."""

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mel_debug.core.escape import escaped
from mel_debug.core.json_value import parsed

FORMAT = 1
"""Raise it with any change to what is converted: older graphs are then not used again."""

MODEL, WEIGHTS, FACTS = "model.xml", "model.bin", "facts.json"
PART = ".part"
ABANDONED_SECONDS = 3600.0
"""After this long nobody is still writing a graph that is not complete: its writer was killed."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a graph needs to be run besides its file: the model's own numbers.

    `mean_colour` is 0 to 255; `head_dimensions` and `temperature` are the rotary table's.
    """

    patch: int
    mean_colour: tuple[int, int, int]
    head_dimensions: int
    temperature: float


@dataclass(frozen=True, slots=True)
class Graph:
    """A converted model in a folder of its own."""

    folder: Path
    facts: Facts

    @property
    def model(self) -> Path:
        return self.folder / MODEL

    @property
    def compiled(self) -> Path:
        """Where OpenVINO may keep what it makes of the model; it may not exist."""
        return self.folder / "compiled"


def graph_key(parts: Mapping[str, str]) -> str:
    """64 hexadecimal digits for all that a graph depends on."""
    told = json.dumps({"format": FORMAT, **parts}, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def find_graph(folder: Path, key: str) -> Graph | None:
    """The graph of a key, if it is there and whole. Notes that it was used."""
    place = folder / key
    try:
        told = parsed((place / FACTS).read_bytes())
        facts = Facts(**told["facts"] | {"mean_colour": tuple(told["facts"]["mean_colour"])})
        if told["state"] != _state(place):
            return None
        os.utime(place / FACTS)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return Graph(place, facts)


def keep_graph(folder: Path, key: str, facts: Facts, save: Callable[[Path], Any]) -> Graph:
    """Let `save` write a model to a path, and keep it under a key, whole or not at all.

    What is there under the key already is replaced if it is damaged. Raises OSError when the folder
    can't be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(folder)
    part = Path(tempfile.mkdtemp(dir=folder, prefix=f".{key}.", suffix=PART))
    try:
        save(part / MODEL)
        told = {"made_by": "mel-debug", "facts": asdict(facts), "state": _state(part)}
        (part / FACTS).write_text(json.dumps(told))
        for file in part.iterdir():
            _sync(file)
        return _named(part, folder / key, facts)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _named(part: Path, place: Path, facts: Facts) -> Graph:
    for _ in range(2):
        with suppress(OSError):
            part.rename(place)
            return Graph(place, facts)
        rival = find_graph(place.parent, place.name)
        if rival is not None:
            return rival
        discard_graph(place)
    part.rename(place)
    return Graph(place, facts)


def discard_graph(place: Path) -> None:
    """Remove the folder of a graph; its name is free at once."""
    away = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}.", suffix=PART))
    with suppress(OSError):
        place.rename(away / place.name)
    shutil.rmtree(away, ignore_errors=True)


def _state(place: Path) -> dict[str, Any]:
    """What tells a whole graph: the text of the model, and the size of its weights.

    The weights were on the disk before the folder had its name, so that they can't be half there.
    """
    text = (place / MODEL).read_bytes()
    return {"model": hashlib.sha256(text).hexdigest(), "weights": (place / WEIGHTS).stat().st_size}


def _sync(file: Path) -> None:
    handle = os.open(file, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Remove what writers that were killed left behind."""
    for part in folder.glob(f".*{PART}"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(part, ignore_errors=True)


def warn_unkept(folder: Path, error: OSError) -> None:
    """One line for who can't write there; the run goes on."""
    sys.stderr.write(
        f"warning: the converted model is not kept: {escaped(str(folder))} can't be written "
        f"({error.strerror or error})\n"
    )
