"""Converted models that are kept beside the features."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mel_debug.core.errors import MelError
from mel_debug.core.json_value import parsed
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

    Folders with other names, those without the mark of a graph, and those that can't be read are
    not among them.
    """
    return [
        StoredModel(folder, sum(_size_of(file) for file in _files_of(folder)))
        for folder in sorted(_folders_in(graph_folder(cache)))
        if _is_own(folder)
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
            return bool(parsed(file.read())["made_by"] == MADE_BY)
    except (OSError, ValueError, TypeError, KeyError, MelError):
        return False


def _folders_of(folder: Path) -> list[Path]:
    """The folders of a graph, innermost first; an unfinished removal holds a whole graph."""
    inner = []
    if _UNFINISHED.fullmatch(folder.name):
        inner = [each for each in _folders_in(folder) if _WHOLE.fullmatch(each.name)]
    return [part for graph in [*inner, folder] for part in (graph / _COMPILED, graph)]


def _files_of(folder: Path) -> Iterator[Path]:
    """The files that a graph consists of."""
    for part in _folders_of(folder):
        is_compiled = part.name == _COMPILED
        # A link could lead to a folder of the user. (`Path.is_symlink` raises for folders that
        # can't be searched.)
        for file in [] if os.path.islink(part) else _listed(part):  # noqa: PTH114
            known = _COMPILED_FILE.fullmatch(file.name) if is_compiled else file.name in _FILES
            if known and os.path.isfile(file):  # noqa: PTH113 - never raises
                yield Path(file.path)


def _folders_in(folder: Path) -> list[Path]:
    """The folders in a folder that are no links."""
    return [Path(each.path) for each in _listed(folder) if each.is_dir(follow_symlinks=False)]


def _listed(folder: Path) -> list["os.DirEntry[str]"]:
    """What a folder holds; nothing if it can't be read."""
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def _size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # removed this moment
        return 0
