"""Undoing a run, or its last step: its files get back what they had before.

A file that nothing else has changed gets back its bytes. In a file that something else has changed
too, only the run's own marks are undone, and those of them that were changed since stay as they
are.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from mel_debug.core.errors import UsageError
from mel_debug.files.exact_json import array_of
from mel_debug.files.json_text import encoded_like
from mel_debug.files.moles_file import MolesFile, rewrite
from mel_debug.marking.runs import (
    Change,
    Run,
    RunRecord,
    list_runs,
    mark_undone,
    read_run,
    run_locked,
)


@dataclass(frozen=True, slots=True)
class Left:
    """A mark that the run made and that was changed since, so that it stays as it is."""

    path: Path
    uuid: str


@dataclass(slots=True)
class UndoResult:
    """What an undo did, by the paths of the moles files.

    `restored` files are as before the run, to the byte. In those that something else had changed,
    the run's `own_marks` were undone, except those that are `left`.
    """

    run: RunRecord
    restored: list[Path] = field(default_factory=list)
    own_marks: list[Path] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)


def undo_run(number: int | None = None) -> UndoResult:
    """Undo a run as a whole; without a number, the latest that is not undone.

    Raises UsageError if there is no such run or if it is undone already, and MelError if a file
    can't be written; the files before it are then undone, and the undo can be repeated.
    """
    if number is None:
        found = next((run for run in list_runs() if run.changes), None)
        if found is None:
            raise UsageError("no run to undo: none has changed marks that are not undone already")
        number = found.number
    with run_locked(number):
        run = read_run(number)
        if run.undone:
            raise UsageError(f"run {number} is undone already")
        result = _undone(run, run.changes)
        mark_undone(number)
    return result


def undo_last_step(run: Run) -> UndoResult | None:
    """Undo the last step of a run that is not undone yet; None if there is none.

    Raises MelError if a file can't be written.
    """
    return None if run.number is None else _undo_step(run, run.number, None)


def undo_step(run: Run, step: int) -> None:
    """Undo what was written of a step that has failed."""
    if run.number is not None:
        _undo_step(run, run.number, step)


def _undo_step(run: Run, number: int, step: int | None) -> UndoResult | None:
    """Undo a step, or without one the last; None if there is nothing to undo."""
    with run_locked(number):
        record = read_run(number)
        step = record.last_step if step is None else step
        changes = [each for each in record.changes if each.step == step]
        if not changes:
            return None
        result = _undone(record, changes)
        run.record_undone(step)
    return result


def _undone(run: RunRecord, changes: Sequence[Change]) -> UndoResult:
    """Undo changes, each file at once, the last file first."""
    result = UndoResult(run)
    for path in reversed(list(dict.fromkeys(change.path for change in changes))):
        spans = _spans([change for change in changes if change.path == path])
        restoring = _Restoring(path, spans)
        rewrite(path, restoring.restored)
        (result.restored if restoring.is_exact else result.own_marks).append(path)
        result.left += [Left(path, uuid) for uuid in restoring.left]
    return result


class _Span(NamedTuple):
    """Changes of a file with no foreign change between them: its bytes before and after."""

    before: bytes | None
    after: bytes | None


def _spans(changes: Sequence[Change]) -> list[_Span]:
    """The changes of one file, joined where one begins with what another has left."""
    spans: list[_Span] = []
    for change in changes:
        if spans and spans[-1].after == change.before:
            spans[-1] = _Span(spans[-1].before, change.after)
        else:
            spans.append(_Span(change.before, change.after))
    return spans


@dataclass(slots=True)
class _Restoring:
    """Undoes the spans of one file; afterwards `left` are the uuids of marks that stay."""

    path: Path
    spans: Sequence[_Span]
    is_exact: bool = True
    left: list[str] = field(default_factory=list)

    def restored(self, file: MolesFile) -> bytes | None:
        """What the file is without the changes. Raises MelError for a damaged file."""
        self.is_exact, self.left = True, []
        data = file.data
        if data == self.spans[0].before:  # undone before, or never done
            return data
        for span in reversed(self.spans):
            if data == span.after:
                data = span.before
            elif data != span.before:
                self.is_exact = False
                data = self._without(span, data)
        return data

    def _without(self, span: _Span, data: bytes | None) -> bytes | None:
        """The bytes without the marks of a span, or as they are where something changed those."""
        before, after, now = (_entries(each, self.path) for each in (span.before, span.after, data))
        entries, left = _inverted(before, after, now)
        self.left += left
        if entries == now:
            return data
        if not entries and span.before is None:  # the run created the file
            return None
        text = array_of(entry.text for entry in entries) + "\n"
        return encoded_like(text, data or b"")


class _Entry(NamedTuple):
    uuid: str
    text: str


def _entries(data: bytes | None, path: Path) -> list[_Entry]:
    """The entries in the bytes of a moles file, with their texts in `mel`'s layout."""
    file = MolesFile.of_data(data, path)
    return [
        _Entry(mole.uuid, text) for mole, (_, text) in zip(file.moles, file.entries(), strict=True)
    ]


def _inverted(
    before: Sequence[_Entry], after: Sequence[_Entry], now: Sequence[_Entry]
) -> tuple[list[_Entry], list[str]]:
    """The entries of `now` with the change from `before` to `after` undone.

    Also returns the uuids of the marks that are neither as in `after` nor as in `before`.
    """
    result, left = list(now), []
    removed = list((Counter(before) - Counter(after)).elements())
    for made in (Counter(after) - Counter(before)).elements():
        old = next((each for each in removed if each.uuid == made.uuid), None)
        if old is not None:
            removed.remove(old)
        if made in result:
            place = result.index(made)
            result[place : place + 1] = [] if old is None else [old]
        elif any(each.uuid == made.uuid and each != old for each in result) or (
            old is not None and old not in result
        ):
            left.append(made.uuid)
    for old in removed:
        if old not in result:
            if any(each.uuid == old.uuid for each in result):
                left.append(old.uuid)
            else:
                result.insert(before.index(old), old)
    return result, left
