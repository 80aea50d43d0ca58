"""What an evaluation has finished so far, on disk, so that it can go on after a stop."""

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
"""The first line of a state file, by which it is recognised."""


@dataclass(frozen=True, slots=True)
class Finished:
    """One pair under one configuration: the answers, and the seconds they took.

    `photo_seconds` are those of describing the photos that were new, one each; `match_seconds` is
    for all questions together; `peak_mb` the memory in use at most up to then.
    """

    answers: tuple[Answer, ...]
    photo_seconds: tuple[float, ...]
    match_seconds: float
    peak_mb: float | None
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class State:
    """Finished pairs by key: a line that names the format, then one line of JSON each.

    A line cut short by a crash is passed over; of two with one key the later counts. Pairs of other
    configurations and other photos may be among them. Without a path nothing outlives the process.
    """

    path: Path | None = None
    finished: dict[str, Finished] = field(default_factory=dict)

    @classmethod
    def begin(cls, path: Path) -> "State":
        """Read a state file, or make an empty one.

        Raises UsageError for any other file with content, which stays as it is, and MelError where
        none can be read or written.
        """
        check_state(path)
        state = cls(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
            if text:  # finds out now, not after the first search, if it can't be extended
                path.open("ab").close()
        except OSError as error:
            raise _unusable(path, error) from error
        if not text:
            write_atomically(path.resolve(), _HEAD)
        for line in text.splitlines():
            state._take(line)
        return state

    def forget(self, keys: Collection[str]) -> None:
        """Drop pairs, in the file too, so that they are searched again. Raises MelError."""
        for key in keys:
            self.finished.pop(key, None)
        if self.path is not None:
            lines = [_line(key, finished) for key, finished in self.finished.items()]
            write_atomically(self.path.resolve(), _HEAD + b"".join(lines))

    def _take(self, line: str) -> None:
        try:
            data = parsed(line)
            self.finished[data.pop("key")] = _finished(data)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            return

    def add(self, key: str, finished: Finished) -> None:
        """Remember a pair; when this returns it is on the disk. Raises MelError."""
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
                f"{self.path} can't be written ({error.strerror or error}); what it holds already "
                "is kept, so run the same command again once it can"
            ) from error


def check_state(path: Path) -> None:
    """Raise UsageError unless a state can be kept in a file: one of ours, an empty one, or none."""
    try:
        check_regular(path)
        if not path.exists() or path.stat().st_size == 0 or is_state(path):
            return
    except OSError as error:
        raise _unusable(path, error) from error
    raise UsageError(f"{path} exists and is no state of an evaluation; name another `state`")


def is_state(path: Path) -> bool:
    """Whether a file begins as `State` begins it. Raises OSError."""
    with open_regular(path) as file:
        return file.read(len(_HEAD)) == _HEAD


def _unusable(path: Path, error: OSError) -> MelError:
    reason = error.strerror or str(error)
    return MelError(f"{path} can't hold the state ({reason}); name another `state`")


def _line(key: str, finished: Finished) -> bytes:
    data = {
        "key": key,
        "answers": [answer.as_json() for answer in finished.answers],
        "photo_seconds": finished.photo_seconds,
        "match_seconds": finished.match_seconds,
        "peak_mb": finished.peak_mb,
        "notes": finished.notes,
    }
    # A line begins with its newline, so that one cut short by a crash can't spoil the next.
    return f"\n{json.dumps(data)}\n".encode()


def key_of(*parts: str) -> str:
    """A short name for a configuration and the content of a pair."""
    # Names that are no UTF-8 are lone surrogates in Python, and are told apart too.
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
