"""The names of a new plugin: of its distribution, its module and its stages."""

import keyword
import re
import sys
from dataclasses import dataclass
from importlib.util import find_spec

from mel_debug.core.errors import UsageError

PREFIX = "mel-debug-"
"""What the distributions of many plugins begin with; their stages need not."""

_DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
"""A valid name of a distribution: https://packaging.python.org/specifications/name-normalization"""


@dataclass(frozen=True, slots=True)
class Names:
    """For the distribution `mel-debug-Freckle`, the module is `mel_debug_freckle`.

    The plugin is `freckle`: its entry point is called so, and the names of its stages begin so.
    """

    distribution: str
    module: str
    plugin: str


def names_for(distribution: str) -> Names:
    """The names that follow from that of a distribution.

    Raises UsageError if it is not valid, or if its module could not be imported or would hide
    another one.
    """
    if not _DISTRIBUTION.fullmatch(distribution):
        raise UsageError(
            f"{distribution!r} is not a valid name of a package; use letters, digits and single "
            "dashes, such as mel-debug-freckle"
        )
    normal = re.sub(r"[-_.]+", "-", distribution).lower()
    module = normal.replace("-", "_")
    reason = _unusable(module)
    if reason:
        other = "another name" if normal.startswith("mel-debug") else f"{PREFIX}{normal}"
        raise UsageError(
            f"the package {distribution!r} would have the module {module!r}, {reason}; try {other}"
        )
    return Names(distribution, module, normal.removeprefix(PREFIX))


def _unusable(module: str) -> str | None:
    """Why a module cannot have this name, or None."""
    if not module.isidentifier() or keyword.iskeyword(module):
        return "which Python cannot import"
    if module in sys.stdlib_module_names:
        return "which would hide one of Python's own"
    if _is_installed(module):
        return "which is installed already"
    return None


def _is_installed(module: str) -> bool:
    """Whether a package or module has this name; mere folders do not count."""
    try:
        spec = find_spec(module)
    except ValueError:  # imported in an unusual way
        return True
    return spec is not None and spec.origin is not None
