"""Which third-party plugins are installed; loads none of them."""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "mel_debug"
"""The entry-point group of plugins, and their project name in pluggy."""

RESTRICTION = "MEL_DEBUG_PLUGINS"
"""Environment variable: the third-party plugins to load, by entry-point name; empty for none."""


def third_party() -> "Sequence[EntryPoint]":
    """The entry points of plugins to load, by name: those that the environment does not exclude."""
    wanted = os.environ.get(RESTRICTION)
    if wanted is None:
        return installed()
    names = {name.strip() for name in wanted.split(",")}
    return [entry for entry in installed() if entry.name in names] if any(names) else ()


def installed() -> "Sequence[EntryPoint]":
    """The entry points of all installed plugins, by name."""
    if not _may_be_any():
        return ()
    from importlib.metadata import entry_points

    return sorted(entry_points(group=GROUP), key=lambda entry: entry.name)


def _may_be_any() -> bool:
    """Whether something installed mentions the group, or is installed so that only Python can tell.

    Most people have no plugin. Importing what reads metadata takes as long as importing Click;
    this takes a tenth of it.
    """
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_distributions")]
    if finders != [PathFinder]:
        return True
    return any(_mentions_group(Path(place)) for place in sys.path)


def _mentions_group(place: Path) -> bool:
    """Whether a place on the path has a distribution that mentions the group, or is an archive."""
    try:
        found = list(place.iterdir())
    except OSError:
        return place.is_file()
    return any(
        one.suffix == ".egg"
        or (one.suffix in (".dist-info", ".egg-info") and _lists_group(one / "entry_points.txt"))
        for one in found
    )


def _lists_group(told: Path) -> bool:
    try:
        return f"[{GROUP}]".encode() in told.read_bytes()
    except OSError:
        return False
