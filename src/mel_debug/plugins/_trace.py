"""Lines on standard error about how plugins are found and loaded, for whoever debugs one."""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mel_debug.core.escape import escaped
from mel_debug.plugins.entry_points import RESTRICTION, installed

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

TRACE = "MEL_DEBUG_TRACE_PLUGINS"
"""Environment variable: set to 1 to print each plugin found, loaded or skipped, and why."""


def trace(message: str) -> None:
    """Print a line on standard error if the environment sets MEL_DEBUG_TRACE_PLUGINS=1."""
    if _is_on():
        sys.stderr.write(f"plugins: {escaped(message)}\n")


def trace_found(loading: "Iterable[EntryPoint]") -> None:
    """Print every installed entry point, and which of them the environment excludes."""
    if not _is_on():
        return
    chosen = list(loading)
    entries = installed()
    for entry in entries:
        dist = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "unknown distribution"
        trace(f"{entry.name}: found, {entry.value} of {dist}")
        if entry not in chosen:
            trace(f"{entry.name}: not loaded, {RESTRICTION} is {os.environ.get(RESTRICTION)!r}")
    if not entries:
        trace("no third-party plugin is installed")


def _is_on() -> bool:
    return os.environ.get(TRACE) == "1"
