"""Applying edits to the marks of photos, and adding marks that were found, as part of a run."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from mel_debug.files.append_marks import AppendResult, NewMark, append_marks
from mel_debug.files.beside import real_path
from mel_debug.files.marks import REJECTED, marks_path
from mel_debug.files.moles_file import MolesFile, read_complete, rewrite
from mel_debug.marking.edits import Edit, Entries, Reject, Restore
from mel_debug.marking.runs import Run
from mel_debug.marking.undoing import undo_step


def edit_marks(run: Run, edits: Mapping[Path, Sequence[Edit]]) -> None:
    """Apply edits to the marks of photos, as one step of a run: all of them, or none.

    The edits of a photo are applied in their order. Every one is checked first against the files,
    and again directly before a file is written. Each change is in the undo log before it is made.

    Raises MarkChangedError if a mark is not as it was seen, and MelError if a file can't be read or
    written; then nothing has changed. If the process is killed between two files, `undo_run` undoes
    what was written.
    """
    for photo, each in edits.items():
        _applied(photo, each)  # so that the usual error comes before anything is written
    step = run.new_step()
    with _all_or_nothing(run, step):
        for photo, each in edits.items():
            _edit(run, step, photo, each)


def append_found(
    run: Run, photo: Path, marks: Sequence[NewMark], stem: str | None = None, *, apart_px: float
) -> AppendResult:
    """Add marks as `append_marks` does, as one step of a run."""
    record = partial(run.record, run.new_step())
    return append_marks(photo, marks, stem, apart_px=apart_px, before_writing=record)


def _edit(run: Run, step: int, photo: Path, edits: Sequence[Edit]) -> None:
    """Write the files of a photo in the order in which a crash between them loses no mark."""
    record = partial(run.record, step)
    marks, rejected = _paths(photo)
    before_marks, before_rejected = read_complete(marks), read_complete(rejected)

    def new_marks(file: MolesFile) -> bytes | None:
        entries = Entries.of(photo, file, before_rejected)
        entries.apply(edits)
        return _written(file, [each.text for each in entries.marks])

    def new_rejected(file: MolesFile) -> bytes | None:
        entries = Entries.of(photo, before_marks, file)
        entries.apply(edits)
        return _written(file, [each.text for each in entries.rejected])

    writes = [(rejected, new_rejected), (marks, new_marks)]
    if any(isinstance(edit, Restore) for edit in edits):
        writes.reverse()
    elif not any(isinstance(edit, Reject) for edit in edits):
        writes = writes[1:]
    for path, change in writes:
        rewrite(path, change, record)


def _paths(photo: Path) -> tuple[Path, Path]:
    """The files with a photo's marks and its rejected marks; links are resolved."""
    return real_path(marks_path(photo)), real_path(marks_path(photo, REJECTED))


def _applied(photo: Path, edits: Sequence[Edit]) -> None:
    marks, rejected = (read_complete(path) for path in _paths(photo))
    Entries.of(photo, marks, rejected).apply(edits)


def _written(file: MolesFile, texts: Sequence[str]) -> bytes | None:
    """The new bytes of a file; the old ones if its entries are the same."""
    if texts == [text for _, text in file.entries()]:
        return file.data
    return file.with_texts(texts)


@contextmanager
def _all_or_nothing(run: Run, step: int) -> Iterator[None]:
    try:
        yield
    except BaseException:
        undo_step(run, step)
        raise
