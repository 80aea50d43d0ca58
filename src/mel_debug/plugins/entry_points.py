"""Finding the entry points of third-party plugins without loading them."""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "mel_debug"
"""The entry-point group of plugins, which is also the project name for pluggy."""

RESTRICTION = "MEL_DEBUG_PLUGINS"
"""Environment variable: names of the entry points to load, separated by commas; empty for none."""


def third_party() -> "Sequence[EntryPoint]":
    """The entry points to load, sorted by name: those that MEL_DEBUG_PLUGINS allows."""
    allowed = os.environ.get(RESTRICTION)
    if allowed is None:
        return installed()
    names = {name.strip() for name in allowed.split(",")}
    return [entry for entry in installed() if entry.name in names] if any(names) else ()


def installed() -> "Sequence[EntryPoint]":
    """The entry points of all installed plugins, sorted by name."""
    if not _may_have_plugins():
        return ()
    from importlib.metadata import entry_points

    return sorted(entry_points(group=GROUP), key=lambda entry: entry.name)


def _may_have_plugins() -> bool:
    """Whether any installed distribution may have entry points of the group.

    Most users have no plugin. Importing `importlib.metadata` takes as long as importing Click; this
    check takes a tenth of that (measured).
    """
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_distributions")]
    if finders != [PathFinder]:
        return True
    return any(_mentions_group(Path(place)) for place in sys.path)


def _mentions_group(place: Path) -> bool:
    """Whether an entry of `sys.path` has a distribution with the group, or is an archive."""
    try:
        found = list(place.iterdir())
    except OSError:
        return place.is_file()
    return any(
        one.suffix == ".egg"
        or (one.suffix in (".dist-info", ".egg-info") and _lists_group(one / "entry_points.txt"))
        for one in found
    )


def _lists_group(entry_points: Path) -> bool:
    try:
        return f"[{GROUP}]".encode() in entry_points.read_bytes()
    except OSError:
        return False
