"""What an evaluation has finished so far, on disk, so that it can go on after a stop."""

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mel_debug.confidence.answers import Answer
from mel_debug.core.errors import MelError


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
    """Finished pairs by key, one line of JSON each; a line cut short by a crash is passed over.

    Without a path nothing outlives the process.
    """

    path: Path | None = None
    finished: dict[str, Finished] = field(default_factory=dict)

    @classmethod
    def begin(cls, path: Path, *, resume: bool) -> "State":
        """Open a state file: empty, or with `resume` what it holds. Raises MelError."""
        state = cls(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if resume and path.exists():
                for line in path.read_text(encoding="utf-8").splitlines():
                    state._take(line)
            else:
                path.write_bytes(b"")
        except (OSError, UnicodeDecodeError) as error:
            raise MelError(
                f"{path} can't hold the state ({error}); name another `state`"
            ) from error
        return state

    def _take(self, line: str) -> None:
        try:
            data = json.loads(line)
            self.finished[data.pop("key")] = _finished(data)
        except (ValueError, KeyError, TypeError, AttributeError):
            return

    def add(self, key: str, finished: Finished) -> None:
        """Remember a pair; when this returns it is on the disk. Raises MelError."""
        self.finished[key] = finished
        if self.path is None:
            return
        data = {
            "key": key,
            "answers": [answer.as_json() for answer in finished.answers],
            "photo_seconds": finished.photo_seconds,
            "match_seconds": finished.match_seconds,
            "peak_mb": finished.peak_mb,
            "notes": finished.notes,
        }
        # A line begins with its newline, so that one cut short by a crash can't spoil the next.
        line = "\n" + json.dumps(data) + "\n"
        try:
            with self.path.open("ab", buffering=0) as file:
                file.write(line.encode())
                os.fsync(file.fileno())
        except OSError as error:
            raise MelError(f"{self.path} can't be written ({error.strerror})") from error


def key_of(*parts: str) -> str:
    """A short name for a configuration and the content of a pair."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def _finished(data: dict[str, Any]) -> Finished:
    return Finished(
        tuple(Answer.from_json(answer) for answer in data["answers"]),
        tuple(data["photo_seconds"]),
        float(data["match_seconds"]),
        data["peak_mb"],
        tuple(data["notes"]),
    )
