"""Converted models that are kept beside the features."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mel_debug.core.errors import MelError
from mel_debug.files.regular import open_regular
from mel_debug.files.user_dirs import graph_folder

MADE_BY = "mel-debug"
FACTS = "facts.json"
"""What says of a whole graph, in `made_by`, that it is one of ours."""

_WHOLE = re.compile(r"[0-9a-f]{64}")
_UNFINISHED = re.compile(r"\.[0-9a-f]{64}\.[a-z0-9_]+\.part")
"""The name of a graph whose writer is at work or was killed; its facts come last."""

_FILES = {"model.xml", "model.bin", FACTS}
_COMPILED = "compiled"
_COMPILED_FILE = re.compile(r"[0-9a-zA-Z_]+\.(blob|cl_cache)")
"""What OpenVINO keeps in the folder `compiled` of a graph."""


@dataclass(frozen=True, slots=True)
class StoredModel:
    """One converted model; `size` is that of its own files, in bytes."""

    folder: Path
    size: int


def stored_models(cache: Path) -> list[StoredModel]:
    """The converted models of a cache, also those that a killed process left half done.

    Folders with other names, and those without the mark of a graph, are not among them.
    """
    found = graph_folder(cache)
    if not found.is_dir():
        return []
    return [
        StoredModel(folder, sum(file.stat().st_size for file in _files_of(folder)))
        for folder in sorted(found.iterdir())
        if not folder.is_symlink() and folder.is_dir() and _is_own(folder)
    ]


def remove_models(cache: Path) -> list[StoredModel]:
    """Remove the files of all graphs, and their folders unless other files are in them.

    A run that has a graph open goes on with it.
    """
    graphs = stored_models(cache)
    for graph in graphs:
        # The facts go last: while they are there, a removal that was cut short can be finished.
        for file in sorted(_files_of(graph.folder), key=lambda each: each.name == FACTS):
            with suppress(OSError):
                file.unlink()
        for folder in _folders_of(graph.folder):
            with suppress(OSError):
                folder.rmdir()
    return graphs


def _is_own(folder: Path) -> bool:
    if _UNFINISHED.fullmatch(folder.name):
        return True
    if not _WHOLE.fullmatch(folder.name):
        return False
    try:
        with open_regular(folder / FACTS) as file:
            return bool(json.loads(file.read())["made_by"] == MADE_BY)
    except (OSError, ValueError, TypeError, KeyError, RecursionError, MelError):
        return False


def _folders_of(folder: Path) -> list[Path]:
    """The folders of a graph, innermost first; an unfinished removal holds a whole graph."""
    inner = []
    if _UNFINISHED.fullmatch(folder.name):
        inner = [each for each in folder.iterdir() if _WHOLE.fullmatch(each.name)]
    graphs = [each for each in [*inner, folder] if each.is_dir() and not each.is_symlink()]
    return [part for graph in graphs for part in (graph / _COMPILED, graph)]


def _files_of(folder: Path) -> Iterator[Path]:
    """The files that a graph consists of."""
    for part in _folders_of(folder):
        is_compiled = part.name == _COMPILED
        if part.is_symlink() or not part.is_dir():
            continue
        for file in part.iterdir():
            known = _COMPILED_FILE.fullmatch(file.name) if is_compiled else file.name in _FILES
            if known and file.is_file():
                yield file
