"""A store of folders by key, for what stages can make again, such as converted models."""

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mel_debug.core.errors import MelError
from mel_debug.core.json_value import parsed
from mel_debug.files.regular import open_regular

MANIFEST = "manifest.json"
"""The file that marks a folder as ours and lists what it must contain to be complete."""

MADE_BY = "mel-debug"

HASHED_BYTES = 4_000_000
"""Files up to this size are verified by their content, larger ones by their size alone.

Weights of hundreds of megabytes would take longer to hash than to load. They were on the disk
before the folder got its name, so they cannot be half written.
"""

ABANDONED_SECONDS = 3600.0
"""The age at which an incomplete folder is removed: its writer was killed. Writers take minutes."""

_KEY = re.compile(r"[0-9a-f]{64}")
_PART = re.compile(r"\.[0-9a-f]{64}\.[A-Za-z0-9_]+\.part")
"""The name of a folder that is being written or removed."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A stored or incomplete folder; `size` is that of the store's own files in it, in bytes."""

    folder: Path
    size: int


class ArtifactStore:
    """Folders by key, each complete or absent; implements `mel_debug.plugin.ArtifactCache`.

    Processes may share the store without locks: a folder is filled under a temporary name and then
    renamed. A key is 64 hexadecimal digits. `digest` returns the SHA-256 of a file.
    """

    def __init__(self, folder: Path, digest: Callable[[Path], str]) -> None:
        self.folder = folder
        self._digest = digest

    def digest(self, path: Path) -> str:
        """The SHA-256 of a file as 64 hexadecimal digits. Raises MelError if it cannot be read."""
        return self._digest(path)

    def find(self, key: str) -> Path | None:
        """The folder of a key if all files that were stored in it are still intact, else None."""
        place = self._place(key)
        manifest = _manifest(place)
        if manifest is None:
            return None
        try:
            files = manifest.files.items()
            intact = all(_fingerprint(place / name) == expected for name, expected in files)
        except (OSError, MelError):
            return None
        return place if intact else None

    def store(
        self, key: str, save: Callable[[Path], object], *, later: tuple[str, ...] = ()
    ) -> Path:
        """Let `save` write files into an empty folder, and store that folder under a key.

        A damaged folder of the same key is replaced. If another process stores the same key at the
        same time, its folder is used. `later` are patterns, such as `compiled/*.blob`, of files
        that the stage itself may add to the stored folder. Raises MelError if the store cannot be
        written, and whatever else `save` raises.
        """
        place = self._place(key)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep()
            part = self._part(key)
            try:
                save(part)
                _complete(part, later)
                return self._renamed(part, place)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        except OSError as error:
            raise MelError(f"{self.folder} can't be written ({error.strerror or error})") from error

    def discard(self, key: str) -> None:
        """Remove the folder of a key; its name can be used again at once."""
        place = self._place(key)
        with suppress(OSError):
            away = self._part(key)
            with suppress(OSError):
                place.rename(away / key)
            shutil.rmtree(away, ignore_errors=True)

    def entries(self) -> list[Artifact]:
        """All folders of the store, including those that killed writers left incomplete.

        Folders without the store's manifest and links to folders are not part of it.
        """
        found = []
        with suppress(OSError):  # missing, or not readable
            for folder in sorted(self.folder.iterdir()):
                with suppress(OSError):  # not readable, or removed by another process meanwhile
                    if folder.is_symlink() or not folder.is_dir() or not _is_own(folder):
                        continue
                    size = sum(file.stat().st_size for file in _own_files(folder))
                    found.append(Artifact(folder, size))
        return found

    def clear(self) -> list[Artifact]:
        """Remove all entries and return them; files that the store did not write stay.

        A process that has files of an entry open can go on using them.
        """
        entries = self.entries()
        for entry in entries:
            with suppress(FileNotFoundError):  # removed by another process meanwhile
                _remove(entry.folder)
        return entries

    def _place(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"a key has 64 hexadecimal digits, unlike {key!r}")
        return self.folder / key

    def _part(self, key: str) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder, prefix=f".{key}.", suffix=".part"))

    def _renamed(self, part: Path, place: Path) -> Path:
        for _ in range(2):
            with suppress(OSError):
                return part.rename(place)
            if self.find(place.name) is not None:
                return place
            self.discard(place.name)
        return part.rename(place)

    def _sweep(self) -> None:
        """Remove what killed writers left behind."""
        for part in self.folder.glob(".*.part"):
            with suppress(OSError):
                if _PART.fullmatch(part.name) and _age(part) > ABANDONED_SECONDS:
                    shutil.rmtree(part, ignore_errors=True)


def _complete(folder: Path, later: tuple[str, ...]) -> None:
    """Write the manifest and let everything reach the disk."""
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    files = {name: _fingerprint(folder / name) for name in names}
    manifest = {"made_by": MADE_BY, "files": files, "later": list(later)}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    for name in (*names, MANIFEST):
        _sync(folder / name)


def _fingerprint(file: Path) -> list[Any]:
    """The size of a file, and the SHA-256 of its content unless it is large."""
    with open_regular(file) as opened:
        size = os.fstat(opened.fileno()).st_size
        small = size <= HASHED_BYTES
        return [size, hashlib.file_digest(opened, "sha256").hexdigest() if small else None]


@dataclass(frozen=True, slots=True)
class _Manifest:
    """The fingerprints of all files by name, and the patterns of files that may be added."""

    files: dict[str, Any]
    later: tuple[str, ...]


def _manifest(folder: Path) -> _Manifest | None:
    """The manifest of a stored folder; None if it is missing, damaged or of another program."""
    try:
        with open_regular(folder / MANIFEST) as file:
            content = parsed(file.read())
        manifest = _Manifest(dict(content["files"]), tuple(map(str, content["later"])))
        return manifest if content["made_by"] == MADE_BY else None
    except (OSError, ValueError, TypeError, KeyError, MelError):
        return None


def _is_own(folder: Path) -> bool:
    if _PART.fullmatch(folder.name):
        return True
    return _KEY.fullmatch(folder.name) is not None and _manifest(folder) is not None


def _own_files(folder: Path) -> Iterator[Path]:
    """The files that the store or its stage wrote; the manifest comes last."""
    is_part = _PART.fullmatch(folder.name) is not None
    manifest = _manifest(folder)
    files, later = (manifest.files, manifest.later) if manifest else ({}, ())
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        own = name in files or any(fnmatchcase(name, pattern) for pattern in later)
        if (own or is_part) and file.is_file() and not file.is_symlink() and name != MANIFEST:
            yield file
    if not is_part or manifest:
        yield folder / MANIFEST


def _remove(folder: Path) -> None:
    # The manifest goes last: as long as it exists, an interrupted removal can be finished.
    for file in list(_own_files(folder)):
        with suppress(OSError):
            file.unlink()
    inner = (path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())
    for each in [*sorted(inner, key=lambda path: -len(path.parts)), folder]:
        with suppress(OSError):
            each.rmdir()


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def _sync(file: Path) -> None:
    handle = os.open(file, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
