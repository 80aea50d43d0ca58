"""The folders of the cache, and its size limit."""

import os
import re
from pathlib import Path

from mel_debug.cache.artifacts import ArtifactStore
from mel_debug.cache.digests import Digests
from mel_debug.cache.store import FileStore, Kind
from mel_debug.core.errors import UsageError, warn
from mel_debug.files.user_dirs import cache_folder, graph_folder

SIZE = "MEL_DEBUG_CACHE_SIZE"
"""Environment variable: the size limit of the cache, in the syntax of `parse_size`."""

DEFAULT_SIZE = "10 GB"

MANY_PHOTOS = 100
"""The number of photos from which a cache that is too small for all of them causes a warning."""

LARGEST = 2.0**63
"""Bytes; larger limits are rejected as typing errors, since no file system holds as much."""

_UNITS = {"": 1, "B": 1}
_UNITS |= {f"{letter}B": 1000**power for power, letter in enumerate("KMGT", 1)}
_UNITS |= {f"{letter}IB": 1024**power for power, letter in enumerate("KMGT", 1)}


def open_store(folder: Path | None = None, most_bytes: int | None = None) -> FileStore:
    """The feature cache of this run; its folder is created when something is stored.

    None stands for the folder or limit of the environment, else the default. Raises UsageError if
    the environment sets a wrong limit.
    """
    return FileStore(folder or cache_folder(), most_bytes or size_limit())


def open_artifacts(folder: Path | None = None) -> ArtifactStore:
    """The store of converted models of a cache folder; None stands for the default folder.

    The environment may name another place for them; see `graph_folder`.
    """
    cache = folder or cache_folder()
    return ArtifactStore(graph_folder(cache), Digests(cache).of)


def size_limit() -> int:
    """The size limit of the cache in bytes. Raises UsageError for a wrong setting."""
    text = os.environ.get(SIZE) or DEFAULT_SIZE
    try:
        return parse_size(text)
    except UsageError as error:
        raise UsageError(f"{SIZE}: {error}") from None


def parse_size(text: str) -> int:
    """The bytes of a size such as `500MB`, `1.5 GiB` or `1000`. Raises UsageError otherwise."""
    number = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", text)
    unit = None if number is None else _UNITS.get(number[2].upper())
    size = float("inf") if number is None or unit is None else float(number[1]) * unit
    if not size < LARGEST:
        raise UsageError(f"{text!r} is not a size; try one like 500MB, 10GB or 1.5GiB")
    return int(size)


def size_text(size: int) -> str:
    """A number of bytes with a unit, such as `1.5 GB`."""
    for power, letter in ((4, "T"), (3, "G"), (2, "M"), (1, "k")):
        if size >= 1000**power:
            return f"{size / 1000**power:.1f} {letter}B"
    return f"{size} B"


def warn_if_too_small(store: FileStore, photos: int) -> None:
    """Warn if the cache cannot hold `photos` photos as large as the one added last.

    Does nothing below `MANY_PHOTOS`.
    """
    if photos < MANY_PHOTOS:
        return
    newest = [entry for entry in store.entries() if entry.kind == Kind.FEATURES][-1:]
    size = newest[0].size if newest else store.most_bytes + 1  # it was too large to be stored
    if size * photos > store.most_bytes:
        warn(
            f"{photos} photos like the first need {size_text(size * photos)} or more, but the "
            f"cache is limited to {size_text(store.most_bytes)} and will drop the photos used "
            f"least recently; set {SIZE}"
        )
