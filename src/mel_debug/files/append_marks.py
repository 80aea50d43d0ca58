"""Appending marks to a moles file without losing what other programs write to it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point, PointIndex
from mel_debug.core.mole import Mole
from mel_debug.files.atomic import remove_unfinished
from mel_debug.files.beside import real_path
from mel_debug.files.exact_json import DuplicateKeyError, array_of, elements, laid_out, text_of
from mel_debug.files.json_text import decoded, encoded_like
from mel_debug.files.locking import locked
from mel_debug.files.marks import entries_of, marks_path
from mel_debug.files.rewriting import (
    Snapshot,
    check_rewritable,
    replace_unchanged,
    take_snapshot,
)

CONFIDENCE_DIGITS = 3
"""Decimals of a confidence in a moles file; `dino3-map` prints two."""

SETTLE_SECONDS = 0.1
"""Invalid JSON that has not changed for this long is damaged, not just being written."""

SYNCED_TRIES = 8
"""Attempts in which the new file is synced before it replaces the old one. A sync takes some
milliseconds, in which a program that writes continuously changes the file again every time; later
attempts sync after the replacement."""

PATIENCE_SECONDS = 20.0
"""How long to retry while another program keeps changing the file."""


@dataclass(frozen=True, slots=True)
class NewMark:
    """A mark found by this program: `point` is in pixels of the photo, `confidence` in [0, 1]."""

    uuid: str
    point: Point
    confidence: float

    def as_entry(self) -> dict[str, Any]:
        """The entry of a moles file; x and y are the pixel that contains the point."""
        return {
            "uuid": self.uuid,
            "x": self.point.pixel[0],
            "y": self.point.pixel[1],
            "is_uuid_canonical": False,
            "confidence": round(self.confidence, CONFIDENCE_DIGITS),
        }


@dataclass(frozen=True, slots=True)
class AppendResult:
    """New marks by what happened to them.

    They were `written`, or left out because the mole was `there_already`, or because its place was
    `taken` by a mark of another mole.
    """

    written: tuple[NewMark, ...]
    there_already: tuple[NewMark, ...]
    taken: tuple[NewMark, ...]


def append_marks(
    photo: Path, marks: Sequence[NewMark], stem: str | None = None, *, apart_px: float = 0.0
) -> AppendResult:
    """Append marks to a photo's moles file, or create the file.

    The file is read under a lock directly before it is written. Its marks stay in their order, with
    all their keys, and with every number and string spelled as before. A new mark is left out if
    its mole is marked already, or if it is within `apart_px` pixels of a mark of another mole.
    Without anything to add the file is not changed.

    The file is replaced atomically and is on disk when this returns. It has `mel`'s layout, and
    keeps its owner, group, permissions, extended attributes, line ends and byte order mark. If a
    program that takes no lock changes the file meanwhile, everything is repeated with the new
    content. Raises MelError for a file that is damaged, read-only, has several hard links, has a
    duplicate key in an object, or never stops changing.
    """
    # The target of a link is written, and the link stays.
    path = real_path(marks_path(photo, stem))
    with locked(path):
        remove_unfinished(path)
        until = time.monotonic() + PATIENCE_SECONDS
        tries = 0
        while time.monotonic() < until:
            old = _read_complete(path, until)
            added = _classified(old.moles, marks, apart_px)
            if not added.written:
                return added
            new = old.with_more(added.written)
            tries += 1
            if replace_unchanged(path, old.snapshot, new, sync_first=tries <= SYNCED_TRIES):
                return added
    raise MelError(f"{path} is changed continuously by another program; stop it and run again")


def check_appendable(photo: Path, stem: str | None = None) -> None:
    """Raise MelError if `append_marks` would refuse the photo's moles file as it is now.

    For a long search whose result could then not be written. Changes nothing.
    """
    path = real_path(marks_path(photo, stem))
    with locked(path):
        old = _read_complete(path, time.monotonic() + PATIENCE_SECONDS)
        old.with_more(())  # finds keys that occur twice
        check_rewritable(path, old.snapshot)


@dataclass(frozen=True, slots=True)
class _Old:
    """A moles file before marks are added; without a snapshot the file does not exist.

    `text` has Unix line ends and no byte order mark.
    """

    path: Path
    snapshot: Snapshot | None
    text: str
    moles: list[Mole]

    @classmethod
    def of(cls, snapshot: Snapshot | None, path: Path) -> "_Old":
        if snapshot is None:
            return cls(path, None, "[]", [])
        text = decoded(snapshot.data, path).replace("\r\n", "\n")
        return cls(path, snapshot, text, [mole for mole, _ in entries_of(text, path)])

    def with_more(self, marks: Sequence[NewMark]) -> bytes:
        """The bytes of the file with these marks at the end. Raises MelError."""
        more = [(entry, text_of(entry)) for entry in (mark.as_entry() for mark in marks)]
        present = (
            (entry, self.text[begin:end])
            for entry, begin, end in elements(self.text, unique_keys=True)
        )
        try:
            text = array_of(laid_out(entry, text) for entry, text in chain(present, more)) + "\n"
        except DuplicateKeyError as error:
            raise MelError(
                f"{self.path}: {error}; remove one of them, as a rewrite would lose its value"
            ) from error
        return encoded_like(text, b"" if self.snapshot is None else self.snapshot.data)


def _read_complete(path: Path, until: float) -> _Old:
    """The moles file once no program is in the middle of writing it. Raises MelError."""
    snapshot = take_snapshot(path)
    while True:
        try:
            return _Old.of(snapshot, path)
        except MelError:
            time.sleep(SETTLE_SECONDS)
            if snapshot is None or snapshot.is_current(path) or time.monotonic() > until:
                raise
            snapshot = take_snapshot(path)


def _classified(moles: Sequence[Mole], marks: Sequence[NewMark], apart_px: float) -> AppendResult:
    """Which of the new marks can be added to the moles of a file."""
    written: list[NewMark] = []
    there_already: list[NewMark] = []
    taken: list[NewMark] = []
    uuids = {mole.uuid for mole in moles}
    places = PointIndex([mole.point for mole in moles], apart_px)
    for mark in marks:
        if mark.uuid in uuids:
            there_already.append(mark)
        elif any(
            mark.point.distance_to(moles[n].point) < apart_px for n in places.near(mark.point)
        ):
            taken.append(mark)
        else:
            written.append(mark)
            uuids.add(mark.uuid)
    return AppendResult(tuple(written), tuple(there_already), tuple(taken))
