"""A folder of files by key that forgets what was used longest ago. Knows nothing of features."""

import contextlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from mel_debug.core.errors import MelError, warn
from mel_debug.files.atomic import write_atomically
from mel_debug.files.hidden_names import is_part_name
from mel_debug.files.regular import open_regular

SUFFIX = ".safetensors"
OWN_NAME = re.compile(rf"[0-9a-f]{{64}}\{SUFFIX}")
OWN_FOLDER = re.compile(r"[0-9a-f]{2}")
OLD_PART = re.compile(rf"\.[0-9a-f]{{64}}\{SUFFIX}\..*\.part")
"""What earlier versions called a file that is not complete yet."""

ABANDONED_SECONDS = 3600.0
"""After this long nobody is still writing a file that is not complete: its writer was killed."""

ROOM_SHARE = 0.9
"""A full cache is cut to this share of its size, so that not every write has to look through it."""

TAG = "CACHEDIR.TAG"
"""The file that marks the folder of the features as a cache, for us and for backup programs."""

TAG_TEXT = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a cache of mel-debug. See https://bford.info/cachedir/\n"
)

COUNT_SHARE = 0.01
"""After writing this share of the size a process counts the whole cache anew, for others write too:
so many processes exceed the size by this share each, at most."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the cache; `used` is when it was last read or written, in seconds since 1970."""

    path: Path
    size: int
    used: float


class FileStore:
    """Files of bytes by key, each complete or absent, together at most about `most_bytes`.

    A file's modification time says when it was last used. Processes on one file system may share
    the folder; nothing is locked, for a file never changes once it has its name. Files in a folder
    without the cache's tag, or with other names than the cache gives, are never removed.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self._total = 0
        self._uncounted = most_bytes
        self._silent = False

    def path_of(self, key: str) -> Path:
        """Where the file of a key is, or would be; a key is 64 hexadecimal digits."""
        return self._features / key[:2] / f"{key}{SUFFIX}"

    @property
    def _features(self) -> Path:
        return self.folder / "features"

    def has(self, key: str) -> bool:
        """Whether there is a file of a key; what is in it may be unusable all the same."""
        return os.path.isfile(self.path_of(key))  # noqa: PTH113 - False if it can't be accessed

    def read(self, key: str) -> bytes | None:
        """The bytes of a key, noted as used now; None when there are none to be had."""
        path = self.path_of(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        with contextlib.suppress(OSError):  # someone else's cache: readable, but not ours to touch
            os.utime(path)
        return data

    def write(self, key: str, data: bytes) -> None:
        """Keep the bytes of a key, and make room. Raises MelError when they can't be written."""
        if len(data) > self.most_bytes:
            return
        path = self.path_of(key)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._mark()
        except OSError as error:
            raise MelError(
                f"the cache {self.folder} can't be written ({error.strerror or error}); "
                "try another `cache_dir`, or `cache=False`"
            ) from error
        write_atomically(path, data)
        self._make_room(len(data))

    def offer(self, key: str, data: bytes) -> None:
        """As `write`; but a cache that can't be written stops nobody: one warning, once."""
        try:
            self.write(key, data)
        except MelError as error:
            if not self._silent:
                warn(f"features are not kept: {error}")
            self._silent = True

    def entries(self) -> list[Entry]:
        """All files of the cache, those used longest ago first."""
        found = [
            entry
            for entry in self._files()
            if OWN_NAME.fullmatch(entry.path.name)
            and entry.path.name.startswith(entry.path.parent.name)
        ]
        return sorted(found, key=lambda entry: (entry.used, entry.path))

    def prune(self, most_bytes: int) -> list[Entry]:
        """Remove what was used longest ago until the rest has at most `most_bytes`."""
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
        self._total, self._uncounted = total, 0
        return removed

    def clear(self) -> list[Entry]:
        """Remove all entries, then the folders that are empty, and the tag of an empty cache."""
        removed = self.prune(-1)
        if self._is_marked():
            for folder in _listed(self._features):
                _removed_if_empty(Path(folder.path))
            if [found.name for found in _listed(self._features)] == [TAG]:
                _removed(self._features / TAG)
                _removed_if_empty(self._features)
        return removed

    def _mark(self) -> None:
        tag = self._features / TAG
        if not tag.exists():
            write_atomically(tag, TAG_TEXT.encode())

    def _is_marked(self) -> bool:
        try:
            with open_regular(self._features / TAG) as tag:
                return tag.read(len(TAG_TEXT)) == TAG_TEXT.encode()
        except (OSError, MelError):
            return False

    def _make_room(self, added: int) -> None:
        """The first write of a process counts the whole cache; most later ones only add to it."""
        self._total += added
        self._uncounted += added
        if self._uncounted > self.most_bytes * COUNT_SHARE:
            self._total, self._uncounted = sum(entry.size for entry in self.entries()), 0
        if self._total > self.most_bytes:
            self.prune(max(added, int(self.most_bytes * ROOM_SHARE)))

    def _sweep(self) -> None:
        """Remove what writers that were killed left behind."""
        for entry in self._files():
            abandoned = time.time() - entry.used > ABANDONED_SECONDS
            name = entry.path.name
            if abandoned and (is_part_name(name) or OLD_PART.fullmatch(name)):
                _removed(entry.path)

    def _files(self) -> Iterator[Entry]:
        folders = _listed(self._features) if self._is_marked() else []
        for folder in folders:
            if not OWN_FOLDER.fullmatch(folder.name) or folder.is_symlink():
                continue
            for found in _listed(Path(folder.path)):
                try:
                    status = found.stat(follow_symlinks=False)
                except OSError:  # another process took it away just now
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
