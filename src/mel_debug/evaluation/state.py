"""Finished searches of an evaluation on disk, so that a stopped run can be resumed."""

import hashlib
import json
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mel_debug.confidence.answers import Answer
from mel_debug.core.errors import MelError, UsageError
from mel_debug.core.json_value import parsed
from mel_debug.files.atomic import write_atomically
from mel_debug.files.regular import check_regular, open_regular

_HEAD = b'{"made_by": "mel-debug", "format": "evaluation state"}\n'
"""First line of a state file, which identifies it."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The answers of one pair with one configuration, and what they cost.

    `photo_seconds` has the seconds of feature extraction for each photo that was not in the photo
    cache, `match_seconds` those of matching all moles, and `peak_mb` the peak memory so far.
    """

    answers: tuple[Answer, ...]
    photo_seconds: tuple[float, ...]
    match_seconds: float
    peak_mb: float | None
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class State:
    """Finished pairs by key, stored as JSON lines after a line that names the format.

    Lines cut short by a crash are ignored; of two lines with the same key the later counts. The
    file may hold pairs of other configurations and photos. Without a path nothing is stored.
    """

    path: Path | None = None
    finished: dict[str, Finished] = field(default_factory=dict)

    @classmethod
    def begin(cls, path: Path) -> "State":
        """Read a state file, or create an empty one.

        Raises UsageError for any other file with content, which is not changed, and MelError if the
        file can't be read or written.
        """
        check_state(path)
        state = cls(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
            if text:  # fail now, not after the first search, if it can't be appended to
                path.open("ab").close()
        except OSError as error:
            raise _unusable(path, error) from error
        if not text:
            write_atomically(path.resolve(), _HEAD)
        for line in text.splitlines():
            state._read_line(line)
        return state

    def forget(self, keys: Collection[str]) -> None:
        """Remove pairs, also from the file. Raises MelError if the file can't be written."""
        for key in keys:
            self.finished.pop(key, None)
        if self.path is not None:
            lines = [_line(key, finished) for key, finished in self.finished.items()]
            write_atomically(self.path.resolve(), _HEAD + b"".join(lines))

    def _read_line(self, line: str) -> None:
        try:
            data = parsed(line)
            self.finished[data.pop("key")] = _finished(data)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            return

    def add(self, key: str, finished: Finished) -> None:
        """Add a pair and write it to the disk. Raises MelError if the file can't be written."""
        self.finished[key] = finished
        if self.path is None:
            return
        try:
            with self.path.open("ab") as file:
                file.write(_line(key, finished))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise MelError(
                f"{self.path} can't be written ({error.strerror or error}); the searches it holds "
                "are not lost: run the same command again once it can be written"
            ) from error


def check_state(path: Path) -> None:
    """Raise UsageError unless the file is a state file, empty or new; MelError if unreadable."""
    try:
        check_regular(path)
        if not path.exists() or path.stat().st_size == 0 or is_state(path):
            return
    except OSError as error:
        raise _unusable(path, error) from error
    raise UsageError(f"{path} exists and is not the state of an evaluation; choose another `state`")


def is_state(path: Path) -> bool:
    """Return whether a file begins like a state file. Raises OSError."""
    with open_regular(path) as file:
        return file.read(len(_HEAD)) == _HEAD


def _unusable(path: Path, error: OSError) -> MelError:
    reason = error.strerror or str(error)
    return MelError(f"{path} can't hold the state ({reason}); choose another `state`")


def _line(key: str, finished: Finished) -> bytes:
    data = {
        "key": key,
        "answers": [answer.as_json() for answer in finished.answers],
        "photo_seconds": finished.photo_seconds,
        "match_seconds": finished.match_seconds,
        "peak_mb": finished.peak_mb,
        "notes": finished.notes,
    }
    # A newline before each line keeps one cut short by a crash apart from the next.
    return f"\n{json.dumps(data)}\n".encode()


def key_of(*parts: str) -> str:
    """Return a digest of the parts, which identify a configuration and the content of a pair."""
    # File names that are not UTF-8 contain lone surrogates, which must stay distinct.
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _finished(data: dict[str, Any]) -> Finished:
    return Finished(
        tuple(Answer.from_json(answer) for answer in data["answers"]),
        tuple(data["photo_seconds"]),
        float(data["match_seconds"]),
        data["peak_mb"],
        tuple(data["notes"]),
    )
