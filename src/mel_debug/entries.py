"""Which third-party plugins are installed; loads none of them."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "mel_debug"
"""The entry-point group of plugins, and their project name in pluggy."""

RESTRICTION = "MEL_DEBUG_PLUGINS"
"""Environment variable: the third-party plugins to load, by entry-point name; empty for none."""


def third_party() -> "Sequence[EntryPoint]":
    """The entry points of plugins, by name, as far as the environment lets them be loaded."""
    wanted = os.environ.get(RESTRICTION)
    names = None if wanted is None else {name.strip() for name in wanted.split(",")}
    if names is not None and not any(names):
        return ()
    from importlib.metadata import entry_points

    found = entry_points(group=GROUP)
    return sorted(
        (entry for entry in found if names is None or entry.name in names),
        key=lambda entry: entry.name,
    )
