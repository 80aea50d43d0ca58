"""What a person can do to the marks of a photo, checked against the marks as they are now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.files.exact_json import entry_text, with_values
from mel_debug.files.moles_file import MolesFile
from mel_debug.marking.marks import CANONICAL, UNSURE, Mark


@dataclass(frozen=True, slots=True)
class Add:
    """Mark a mole that the photo does not mark yet; a person's mark is canonical."""

    uuid: str
    point: Point
    is_canonical: bool = True


@dataclass(frozen=True, slots=True)
class Accept:
    """Make a mark canonical. `seen` is the mark as the person saw it, here and below."""

    seen: Mark


@dataclass(frozen=True, slots=True)
class Reject:
    """Remove a mark and remember it in `PHOTO.rejected.json`."""

    seen: Mark


@dataclass(frozen=True, slots=True)
class Restore:
    """Take a rejected mark back: it becomes a guess again."""

    seen: Mark


@dataclass(frozen=True, slots=True)
class Unsure:
    """Note that a person has looked at a mark and could not decide; it stays a guess."""

    seen: Mark


@dataclass(frozen=True, slots=True)
class Move:
    """Move a mark to the pixel that contains `point`."""

    seen: Mark
    point: Point


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a mark without remembering it."""

    seen: Mark


Edit = Add | Accept | Reject | Restore | Unsure | Move | Remove


class MarkChangedError(MelError):
    """The mark is not as it was seen; `now` is its present state, None if it has gone."""

    def __init__(self, message: str, now: Mark | None) -> None:
        super().__init__(message)
        self.now = now


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a moles file: the mark, and its text in `mel`'s layout."""

    mark: Mark
    text: str

    @classmethod
    def new(cls, mark: Mark) -> "Entry":
        """The entry of a mark that no file has yet."""
        x, y = mark.point.pixel
        value: dict[str, Any] = {"uuid": mark.uuid, "x": x, "y": y, CANONICAL: mark.is_canonical}
        return cls(replace(mark, point=Point.centre_of_pixel(x, y)), entry_text(value))

    def with_values(self, **changes: Any) -> "Entry":
        """The entry with some values replaced; None removes a key."""
        text = with_values(self.text, changes)
        mark = self.mark
        if "x" in changes:
            mark = replace(mark, point=Point.centre_of_pixel(changes["x"], changes["y"]))
        if CANONICAL in changes:
            mark = replace(mark, is_canonical=changes[CANONICAL])
        return Entry(replace(mark, is_unsure=changes.get(UNSURE) is True), text)


@dataclass(slots=True)
class Entries:
    """The entries of a photo's two files while edits are applied to them, one after the other."""

    photo: Path
    marks: list[Entry]
    rejected: list[Entry]

    @classmethod
    def of(cls, photo: Path, marks: MolesFile, rejected: MolesFile) -> "Entries":
        """Raises MelError if an object has a key twice."""
        return cls(photo, _entries(marks), _entries(rejected))

    def apply(self, edits: Iterable[Edit]) -> None:
        """Apply edits in their order. Raises MarkChangedError if a mark is not as it was seen."""
        for edit in edits:
            match edit:
                case Add():
                    self._add(edit)
                case Accept(seen):
                    self._change(seen, **{CANONICAL: True, UNSURE: None})
                case Unsure(seen):
                    self._change(seen, **{CANONICAL: False, UNSURE: True})
                case Move(seen, point):
                    x, y = point.pixel
                    self._change(seen, x=x, y=y, **{UNSURE: None})
                case Remove(seen):
                    del self.marks[self._index(self.marks, seen)]
                case Reject(seen):
                    self._reject(seen)
                case Restore(seen):
                    index = self._index(self.rejected, seen)
                    self._check_unmarked(seen.uuid)
                    self.marks.append(self.rejected.pop(index))

    def _add(self, edit: Add) -> None:
        self._check_unmarked(edit.uuid)
        self.marks.append(Entry.new(Mark(edit.uuid, edit.point, edit.is_canonical)))

    def _reject(self, seen: Mark) -> None:
        index = self._index(self.marks, seen)
        entry = self.marks.pop(index).with_values(**{CANONICAL: False})
        if entry not in self.rejected:  # an earlier try may have stopped between the two files
            self.rejected.append(entry)

    def _change(self, seen: Mark, **changes: Any) -> None:
        index = self._index(self.marks, seen)
        self.marks[index] = self.marks[index].with_values(**changes)

    def _check_unmarked(self, uuid: str) -> None:
        now = _of_mole(self.marks, uuid)
        if now is not None:
            x, y = now.point.pixel
            raise MarkChangedError(
                f"{self.photo} marks mole {uuid} already, at ({x}, {y}); move or remove that mark",
                now,
            )

    def _index(self, entries: Sequence[Entry], seen: Mark) -> int:
        """The index of the entry that still is as it was seen."""
        for index, entry in enumerate(entries):
            if entry.mark == seen:
                return index
        now = _of_mole(entries, seen.uuid)
        how = "is not marked any more" if now is None else "was changed by another program"
        raise MarkChangedError(f"mole {seen.uuid} in {self.photo} {how}; nothing was written", now)


def _entries(file: MolesFile) -> list[Entry]:
    return [
        Entry(Mark.of(mole, value), text)
        for mole, (value, text) in zip(file.moles, file.entries(), strict=True)
    ]


def _of_mole(entries: Sequence[Entry], uuid: str) -> Mark | None:
    return next((entry.mark for entry in entries if entry.mark.uuid == uuid), None)
