"""Converted models that are kept beside the features."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from mel_debug.files.user_dirs import graph_folder


@dataclass(frozen=True, slots=True)
class StoredModel:
    """One converted model; `size` is in bytes."""

    folder: Path
    size: int


def stored_models(cache: Path) -> list[StoredModel]:
    """The converted models of a cache, also those that a killed process left half done."""
    found = graph_folder(cache)
    if not found.is_dir():
        return []
    return [
        StoredModel(
            folder, sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        )
        for folder in sorted(found.iterdir())
        if folder.is_dir()
    ]


def remove_models(cache: Path) -> list[StoredModel]:
    """Remove them all; a run that has one open goes on with it."""
    graphs = stored_models(cache)
    for graph in graphs:
        shutil.rmtree(graph.folder, ignore_errors=True)
    return graphs
