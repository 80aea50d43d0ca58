"""A folder of files by key with a size limit; the least recently used files are removed first."""

import contextlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from stat import S_ISREG

from mel_debug.core.errors import MelError, warn
from mel_debug.files.atomic import write_atomically
from mel_debug.files.hidden_names import is_part_name
from mel_debug.files.regular import open_regular


class Kind(StrEnum):
    """What a file of the cache holds: its suffix. All are in the safetensors format."""

    FEATURES = ".safetensors"
    """The features of one photo, with its preview."""

    PAIR = ".pair"
    """What a matcher has found out about a pair of photos."""

    VARIANT = ".variant"
    """What is computed of one photo besides its features: those at another size, or a picture."""

    TILE = ".tile"
    """A square of a photo in full resolution."""


OWN_NAME = re.compile(rf"[0-9a-f]{{64}}({'|'.join(map(re.escape, Kind))})")
OWN_FOLDER = re.compile(r"[0-9a-f]{2}")
OLD_PART = re.compile(rf"\.[0-9a-f]{{64}}{re.escape(Kind.FEATURES)}\..*\.part")
"""The names of incomplete files in earlier versions."""

ABANDONED_SECONDS = 3600.0
"""The age at which an incomplete file is removed: its writer was killed. A write takes seconds."""

PRUNED_SHARE = 0.9
"""A full cache is pruned to this share of its limit, so that not every write has to prune it."""

TAG = "CACHEDIR.TAG"
"""The file that marks the folder as a cache, for this module and for backup programs."""

TAG_TEXT = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a cache of mel-debug. See https://bford.info/cachedir/\n"
)

MEASURED_SHARE = 0.01
"""After writing this share of the limit, a process measures the whole cache again.

Other processes write too, so each of them can exceed the limit by at most this share.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the cache; `used` is the time of its last use, in seconds since 1970."""

    path: Path
    size: int
    used: float

    @property
    def kind(self) -> Kind:
        """What the file holds."""
        return Kind(self.path.suffix)


class FileStore:
    """Files of bytes by key, each complete or absent, together at most about `most_bytes`.

    The modification time of a file is the time of its last use. Processes may share the folder
    without locks, because a file does not change once it has its name. Files in a folder without
    the cache's tag, and files with other names than the cache's, are never removed.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self._total = 0
        self._unmeasured = most_bytes
        self._has_warned = False

    def path_of(self, key: str, kind: Kind = Kind.FEATURES) -> Path:
        """The path of a key's file, which may not exist; a key is 64 hexadecimal digits."""
        return self._features / key[:2] / f"{key}{kind}"

    @property
    def _features(self) -> Path:
        return self.folder / "features"

    def has(self, key: str) -> bool:
        """Whether a key has a file; its content is not checked."""
        return os.path.isfile(self.path_of(key))  # noqa: PTH113 - False if it can't be accessed

    def read(self, key: str, kind: Kind = Kind.FEATURES) -> bytes | None:
        """The bytes of a key, which count as used now; None if they are missing or unreadable."""
        path = self.path_of(key, kind)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        with contextlib.suppress(OSError):  # a cache of another user: readable only
            os.utime(path)
        return data

    def write(self, key: str, data: bytes, kind: Kind = Kind.FEATURES) -> None:
        """Store the bytes of a key, and prune. Raises MelError if they cannot be written.

        Bytes beyond the limit of the whole cache are not stored.
        """
        if len(data) > self.most_bytes:
            return
        path = self.path_of(key, kind)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._tag()
        except OSError as error:
            raise MelError(
                f"the cache {self.folder} can't be written ({error.strerror or error}); "
                "try another `cache_dir`, or `cache=False`"
            ) from error
        write_atomically(path, data)
        self._prune_if_full(len(data))

    def try_write(self, key: str, data: bytes, kind: Kind = Kind.FEATURES) -> None:
        """As `write`, but a cache that cannot be written causes only one warning per process."""
        try:
            self.write(key, data, kind)
        except MelError as error:
            if not self._has_warned:
                warn(f"features are not cached: {error}")
            self._has_warned = True

    def entries(self) -> list[Entry]:
        """All files of the cache, the least recently used first."""
        found = [
            entry
            for entry in self._files()
            if OWN_NAME.fullmatch(entry.path.name)
            and entry.path.name.startswith(entry.path.parent.name)
        ]
        return sorted(found, key=lambda entry: (entry.used, entry.path))

    def prune(self, most_bytes: int) -> list[Entry]:
        """Remove the least recently used files until the rest has at most `most_bytes`."""
        self._sweep()
        entries = self.entries()
        total = sum(entry.size for entry in entries)
        removed = []
        for entry in entries:
            if total <= most_bytes:
                break
            if _removed(entry.path):
                total -= entry.size
                removed.append(entry)
        self._total, self._unmeasured = total, 0
        return removed

    def clear(self) -> list[Entry]:
        """Remove all entries, then empty folders and the tag of an empty cache."""
        removed = self.prune(-1)
        if self._is_tagged():
            for folder in _listed(self._features):
                _removed_if_empty(Path(folder.path))
            if [found.name for found in _listed(self._features)] == [TAG]:
                _removed(self._features / TAG)
                _removed_if_empty(self._features)
        return removed

    def _tag(self) -> None:
        tag = self._features / TAG
        if not tag.exists():
            write_atomically(tag, TAG_TEXT.encode())

    def _is_tagged(self) -> bool:
        try:
            with open_regular(self._features / TAG) as tag:
                return tag.read(len(TAG_TEXT)) == TAG_TEXT.encode()
        except (OSError, MelError):
            return False

    def _prune_if_full(self, added: int) -> None:
        """Prune if the limit is exceeded; the first write of a process measures the whole cache."""
        self._total += added
        self._unmeasured += added
        if self._unmeasured > self.most_bytes * MEASURED_SHARE:
            self._total, self._unmeasured = sum(entry.size for entry in self.entries()), 0
        if self._total > self.most_bytes:
            self.prune(max(added, int(self.most_bytes * PRUNED_SHARE)))

    def _sweep(self) -> None:
        """Remove incomplete files of killed writers."""
        for entry in self._files():
            abandoned = time.time() - entry.used > ABANDONED_SECONDS
            name = entry.path.name
            if abandoned and (is_part_name(name) or OLD_PART.fullmatch(name)):
                _removed(entry.path)

    def _files(self) -> Iterator[Entry]:
        folders = _listed(self._features) if self._is_tagged() else []
        for folder in folders:
            if not OWN_FOLDER.fullmatch(folder.name) or folder.is_symlink():
                continue
            for found in _listed(Path(folder.path)):
                try:
                    status = found.stat(follow_symlinks=False)
                except OSError:  # removed by another process meanwhile
                    continue
                if S_ISREG(status.st_mode):
                    yield Entry(Path(found.path), status.st_size, status.st_mtime)


def _listed(folder: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def _removed(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _removed_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
