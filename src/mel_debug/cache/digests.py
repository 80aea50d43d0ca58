"""The content of large files as a short text, remembered: weights are not read anew every run."""

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
"""A file that was changed this short ago may change again without its times showing it."""


class Digests:
    """Digests of files, remembered in a folder by path, size, times and inode.

    The time of the last change to the inode can't be set by anyone, so a file that is replaced is
    seen even if its modification time is set back.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "digests"

    def of(self, path: Path) -> str:
        """The SHA-256 of a file. Raises UsageError when it is missing, MelError when unreadable."""
        path = path.resolve()
        state = _state(path)
        note = self.folder / _name_for(str(path))
        if state is not None:
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError, MelError):
                noted = _noted(note)
                if noted["path"] == str(path) and noted["state"] == state:
                    return str(noted["sha256"])
        digest = file_digest(path)
        if state is not None and state == _state(path) and _is_settled(path):
            self._note(note, {"path": str(path), "state": state, "sha256": digest})
        return digest

    def forget(self) -> None:
        """Remove every note that was made here: its name follows from what it holds."""
        try:
            notes = list(self.folder.glob("*.json"))
        except OSError:  # a folder that can't be read
            return
        for note in notes:
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError, MelError):
                if note.name == _name_for(_noted(note)["path"]):
                    note.unlink()

    def _note(self, note: Path, content: dict[str, object]) -> None:
        """Best effort: who can't write here computes the digest again."""
        with contextlib.suppress(OSError, MelError):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(note, json.dumps(content).encode())


def _name_for(path: str) -> str:
    """The name of the note on a path; a path of undecodable bytes has one too."""
    return f"{hashlib.sha256(path.encode('utf-8', 'surrogatepass')).hexdigest()}.json"


def _noted(note: Path) -> dict[str, Any]:
    """What a note holds, its path as text. Raises ValueError, TypeError or KeyError for others."""
    with open_regular(note) as file:
        noted = dict(parsed(file.read()))
    return {**noted, "path": str(noted["path"])}


def _state(path: Path) -> list[int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev]


def _is_settled(path: Path) -> bool:
    status = path.stat()
    return time.time() - max(status.st_mtime, status.st_ctime) > SETTLED_SECONDS
