"""The log of runs that change marks: what each file was before and after, one file a run.

A run's file, `runs/000012.jsonl` in the user's state folder, has a line for the run, then a line
for each change, which is on disk before the moles file is written. So after a crash at any moment
the log knows all that was, or was about to be, written.
"""

import base64
import json
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mel_debug.core.errors import MelError, UsageError
from mel_debug.files.atomic import sync_folder
from mel_debug.files.locking import locked
from mel_debug.files.user_dirs import STATE, state_folder

FORMAT = 1
"""Version of the log's format; a log of a later version is not undone."""

_NAME = re.compile(r"([0-9]{6,})\.jsonl")


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one moles file: its bytes before and after; None stands for no file."""

    step: int
    path: Path
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as its log has it: `changes` are those that are not undone, in their order.

    `started` is in UTC. A run is `undone` if it was undone as a whole; it then has no changes.
    """

    number: int
    command: str
    started: datetime
    changes: tuple[Change, ...]
    undone: bool = False

    @property
    def last_step(self) -> int:
        """The number of the last step that is not undone; 0 if there is none."""
        return max((change.step for change in self.changes), default=0)


@dataclass(slots=True)
class Run:
    """A run that changes marks. Its number and its file are created by its first change.

    A step is what one undo on the page takes back, such as a mark saved in two photos. Threads must
    not share a run without a lock of their own.
    """

    command: str
    number: int | None = None
    _steps: int = field(default=0, repr=False)

    def new_step(self) -> int:
        """The number of a new step, for `record`."""
        self._steps += 1
        return self._steps

    def record(self, step: int, path: Path, before: bytes | None, after: bytes | None) -> None:
        """Write a change to the log, before it is made. Raises MelError if that fails."""
        change = {"step": step, "path": str(path), "before": _packed(before)}
        line = {**change, "after": _packed(after)}
        if self.number is None:
            self.number = _create(self.command)
        _append(run_path(self.number), line)

    def record_undone(self, step: int) -> None:
        """Write to the log that a step is undone."""
        assert self.number is not None  # noqa: S101 - a step was recorded
        _append(run_path(self.number), {"undone_step": step})


def check_log() -> None:
    """Raise MelError if runs can't be logged; for a long search whose marks must be undoable."""
    with _explained(_folder()):
        _folder().mkdir(parents=True, exist_ok=True)
        if not os.access(_folder(), os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")


def list_runs() -> Iterator[RunRecord]:
    """All runs, the latest first; one whose log is damaged is left out."""
    for number in _numbers():
        try:
            yield read_run(number)
        except MelError:
            continue


def read_run(number: int) -> RunRecord:
    """A run by its number.

    Raises UsageError if there is no such run, and MelError if its log can't be read.
    """
    path = run_path(number)
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError as error:
        raise UsageError(f"there is no run {number}; `mel-debug runs` lists them") from error
    except OSError as error:
        raise MelError(f"{path} can't be read ({error.strerror or error})") from error
    try:
        return _record(number, list(_whole(lines)))
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error, IndexError) as error:
        raise MelError(f"{path} is damaged, so that run {number} can't be undone") from error


def mark_undone(number: int) -> None:
    """Write to the log that a run is undone as a whole."""
    _append(run_path(number), {"undone": True})


@contextmanager
def run_locked(number: int) -> Iterator[None]:
    """Lock a run for the block, so that two processes do not undo it at the same time.

    Raises UsageError if there is no such run.
    """
    path = run_path(number)
    if not path.exists():
        raise UsageError(f"there is no run {number}; `mel-debug runs` lists them")
    with locked(path):
        yield


def run_path(number: int) -> Path:
    """The file of a run."""
    return _folder() / f"{number:06d}.jsonl"


def _folder() -> Path:
    return state_folder() / "runs"


def _numbers() -> list[int]:
    """The numbers of all runs, the latest first."""
    try:
        names = os.listdir(_folder())  # noqa: PTH208 - names, not paths
    except OSError:
        return []
    found = (_NAME.fullmatch(name) for name in names)
    return sorted((int(each[1]) for each in found if each), reverse=True)


def _create(command: str) -> int:
    """Create the file of a new run; returns its number, one above the highest."""
    folder = _folder()
    header = {
        "format": FORMAT,
        "command": command,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        number = max(_numbers(), default=0)
        while True:
            number += 1
            try:
                with run_path(number).open("xb") as file:
                    file.write(_line(header))
                    file.flush()
                    os.fsync(file.fileno())
            except FileExistsError:  # another process was faster
                continue
            sync_folder(folder)
            return number


def _append(path: Path, value: dict[str, Any]) -> None:
    """Append a line to a log and sync it.

    It begins on a line of its own, also after one that a crash has cut short.
    """
    with _explained(path), path.open("a+b") as file:  # every write is at the end
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 1))
        is_cut = file.read(1) not in (b"", b"\n")
        file.write((b"\n" if is_cut else b"") + _line(value))
        file.flush()
        os.fsync(file.fileno())


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _whole(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    """The lines that were written completely. Raises ValueError if the first one was not."""
    for number, line in enumerate(lines):
        try:
            yield json.loads(line)
        except ValueError:  # a crash has cut it short, so its change was not made
            if number == 0:
                raise


def _record(number: int, lines: list[dict[str, Any]]) -> RunRecord:
    head, *rest = lines
    if head["format"] > FORMAT:
        raise MelError(
            f"run {number} was logged by a later version of mel-debug; undo it with that"
        )
    changes: dict[tuple[int, str], Change] = {}
    undone = False
    for line in rest:
        if "undone" in line:
            undone, changes = True, {}
        elif "undone_step" in line:
            step = line["undone_step"]
            changes = {key: change for key, change in changes.items() if key[0] != step}
        else:
            undone = False  # the run went on
            # A second attempt to write the same file replaces the first, which did not succeed.
            key = (line["step"], line["path"])
            changes.pop(key, None)
            before, after = _unpacked(line["before"]), _unpacked(line["after"])
            changes[key] = Change(line["step"], Path(line["path"]), before, after)
    started = datetime.fromisoformat(head["started"])
    return RunRecord(number, head["command"], started, tuple(changes.values()), undone)


def _packed(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(zlib.compress(data)).decode()


def _unpacked(text: str | None) -> bytes | None:
    return None if text is None else zlib.decompress(base64.b64decode(text))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MelError(
            f"{path}: the undo log can't be written ({error.strerror or error}); "
            f"set {STATE} to a folder that can be written to"
        ) from error
