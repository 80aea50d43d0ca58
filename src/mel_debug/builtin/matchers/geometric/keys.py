"""Keys of what the matcher stores: the features of the photos, the releases, and its own code."""

import functools
import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mel_debug import core

RELEASES = ("numpy", "opencv-python-headless", "opencv-python")
"""Packages whose releases may change a result."""


def key_of(kind: str, *features: str | None) -> str | None:
    """64 hexadecimal digits for all that a result depends on; None if a key of features is None.

    `kind` names the result and the version of its format.
    """
    if None in features:
        return None
    parts = ["geometric", kind, _code(), *_releases(), *features]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@functools.cache
def _releases() -> tuple[str, ...]:
    found = []
    for package in RELEASES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    return tuple(found)


@functools.cache
def _code() -> str:
    """A digest of the code of this matcher and of core: no result outlives a change of it."""
    content = hashlib.sha256(version("mel-debug").encode())
    for folder in (Path(__file__).parent, Path(core.__file__).parent):
        for module in sorted(folder.glob("*.py")):
            content.update(module.read_bytes())
    return content.hexdigest()
