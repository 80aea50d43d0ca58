"""Converted models that are kept beside the features."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from mel_debug.files.places import graph_folder


@dataclass(frozen=True, slots=True)
class KeptGraph:
    """One converted model; `size` is in bytes."""

    folder: Path
    size: int


def kept_graphs(cache: Path) -> list[KeptGraph]:
    """The converted models of a cache, also those that a killed process left half done."""
    found = graph_folder(cache)
    if not found.is_dir():
        return []
    return [
        KeptGraph(folder, sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()))
        for folder in sorted(found.iterdir())
        if folder.is_dir()
    ]


def remove_graphs(cache: Path) -> list[KeptGraph]:
    """Remove them all; a run that has one open goes on with it."""
    graphs = kept_graphs(cache)
    for graph in graphs:
        shutil.rmtree(graph.folder, ignore_errors=True)
    return graphs
