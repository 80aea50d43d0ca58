"""Diagnostic output about finding and loading plugins, for their authors."""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mel_debug.core.escape import escaped
from mel_debug.plugins.entry_points import RESTRICTION, installed

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

TRACE = "MEL_DEBUG_TRACE_PLUGINS"
"""Environment variable: set to 1 to print which plugins are found, loaded or skipped, and why."""


def trace(message: str) -> None:
    """Print a line on standard error if MEL_DEBUG_TRACE_PLUGINS=1 is set."""
    if _is_on():
        sys.stderr.write(f"plugins: {escaped(message)}\n")


def trace_found(allowed: "Iterable[EntryPoint]") -> None:
    """Print all installed entry points, and which of them are not `allowed` to load."""
    if not _is_on():
        return
    loaded = list(allowed)
    entries = installed()
    for entry in entries:
        dist = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "unknown distribution"
        trace(f"{entry.name}: found, {entry.value} of {dist}")
        if entry not in loaded:
            trace(f"{entry.name}: not loaded, {RESTRICTION} is {os.environ.get(RESTRICTION)!r}")
    if not entries:
        trace("no third-party plugin is installed")


def _is_on() -> bool:
    return os.environ.get(TRACE) == "1"
