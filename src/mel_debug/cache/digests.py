"""SHA-256 digests of files, stored so that large weights are not read again in every run."""

import contextlib
import hashlib
import json
import time
from pathlib import Path
from typing import Any

from mel_debug.core.errors import MelError
from mel_debug.core.json_value import parsed
from mel_debug.files.atomic import write_atomically
from mel_debug.files.digest import file_digest
from mel_debug.files.regular import open_regular

SETTLED_SECONDS = 2.0
"""Digests of files changed more recently than this are not stored.

Such a file may change again within the resolution of its times, which is 2 s on FAT file systems.
"""


class Digests:
    """Digests of files, stored in a folder by path, size, times and inode.

    The inode's change time cannot be set by a program, so a replaced file is noticed even if its
    modification time was set back.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "digests"

    def of(self, path: Path) -> str:
        """The SHA-256 of a file. Raises UsageError if it is missing, MelError if unreadable."""
        path = path.resolve()
        state = _state(path)
        record = self.folder / _name_for(str(path))
        if state is not None:
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError, MelError):
                stored = _read(record)
                if stored["path"] == str(path) and stored["state"] == state:
                    return str(stored["sha256"])
        digest = file_digest(path)
        if state is not None and state == _state(path) and _is_settled(path):
            self._write(record, {"path": str(path), "state": state, "sha256": digest})
        return digest

    def clear(self) -> None:
        """Remove all stored digests; other files, whose names do not match their content, stay."""
        try:
            records = list(self.folder.glob("*.json"))
        except OSError:  # a folder that cannot be read
            return
        for record in records:
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError, MelError):
                if record.name == _name_for(_read(record)["path"]):
                    record.unlink()

    def _write(self, record: Path, content: dict[str, object]) -> None:
        """Without an error if the folder cannot be written: the digest is then computed again."""
        with contextlib.suppress(OSError, MelError):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(record, json.dumps(content).encode())


def _name_for(path: str) -> str:
    """The name of the record of a path, which may contain undecodable bytes."""
    return f"{hashlib.sha256(path.encode('utf-8', 'surrogatepass')).hexdigest()}.json"


def _read(record: Path) -> dict[str, Any]:
    """The content of a record, its path as text.

    Raises ValueError, TypeError or KeyError for other content.
    """
    with open_regular(record) as file:
        content = dict(parsed(file.read()))
    return {**content, "path": str(content["path"])}


def _state(path: Path) -> list[int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev]


def _is_settled(path: Path) -> bool:
    status = path.stat()
    return time.time() - max(status.st_mtime, status.st_ctime) > SETTLED_SECONDS
