"""Adding marks to a moles file that others may be writing too: nothing that is there is lost."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Nearby, Point
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

SETTLE_SECONDS = 0.1
"""A file that is no JSON and has not changed for this long is damaged, not being written."""

SYNCED_TRIES = 8
"""How often the new file is synced before it replaces the old one. A sync takes milliseconds: a
program that writes more often than that would overtake every one."""

PATIENCE_SECONDS = 20.0
"""How long to start over while another program keeps changing the file."""


@dataclass(frozen=True, slots=True)
class NewMark:
    """A guessed mark: which mole, where in pixels of the photo as shown, and how sure."""

    uuid: str
    point: Point
    confidence: float

    def as_entry(self) -> dict[str, Any]:
        """An entry of a moles file; x and y name the pixel that contains the point."""
        return {
            "uuid": self.uuid,
            "x": math.floor(self.point.x),
            "y": math.floor(self.point.y),
            "is_uuid_canonical": False,
            "confidence": round(self.confidence, CONFIDENCE_DIGITS),
        }


@dataclass(frozen=True, slots=True)
class AppendResult:
    """What became of new marks: written, or left out as the file had the mole or its place."""

    written: tuple[NewMark, ...]
    there_already: tuple[NewMark, ...]
    taken: tuple[NewMark, ...]


def append_marks(
    photo: Path, marks: Sequence[NewMark], stem: str | None = None, *, apart_px: float = 0.0
) -> AppendResult:
    """Append marks to a photo's moles file, or make the file.

    The file is read under a lock just before it is written: whatever marks it has then are kept, in
    their order, with all their keys, and with every number and string as it is spelled. A mole that
    is marked by then is left out, and so is one whose place lies within `apart_px` of a mark of
    another. Without anything to add the file is not touched.

    The file is replaced whole and has reached the disk when this returns. It is in `mel`'s layout,
    and keeps its owner, group, permissions, extended attributes, line ends and byte order mark. If
    a program that takes no lock changes it meanwhile, all this starts over with the new content.
    Raises MelError, also for a file that is read-only, that has several hard links, that has a key
    twice in one object, or that never stops changing.
    """
    # Of a link the file that it leads to is written, and the link stays.
    path = real_path(marks_path(photo, stem))
    with locked(path):
        remove_unfinished(path)
        until = time.monotonic() + PATIENCE_SECONDS
        tries = 0
        while time.monotonic() < until:
            old = _settled(path, until)
            added = _sorted_out(old.moles, marks, apart_px)
            if not added.written:
                return added
            new = old.with_more(added.written)
            tries += 1
            if replace_unchanged(path, old.snapshot, new, sync_first=tries <= SYNCED_TRIES):
                return added
    raise MelError(f"{path} is changed by another program all the time; stop it and run again")


def check_appendable(photo: Path, stem: str | None = None) -> None:
    """Raise MelError if `append_marks` would refuse the photo's moles file as it is now.

    For a long search whose result could then not be written. Changes nothing.
    """
    path = real_path(marks_path(photo, stem))
    with locked(path):
        old = _settled(path, time.monotonic() + PATIENCE_SECONDS)
        old.with_more(())  # finds keys that occur twice
        check_rewritable(path, old.snapshot)


@dataclass(frozen=True, slots=True)
class _Old:
    """A moles file before marks are added: its text, and its moles; no snapshot, if there is none.

    The text has line ends of one kind and no byte order mark.
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
        there = (
            (entry, self.text[begin:end])
            for entry, begin, end in elements(self.text, unique_keys=True)
        )
        try:
            text = array_of(laid_out(entry, text) for entry, text in chain(there, more)) + "\n"
        except DuplicateKeyError as error:
            raise MelError(
                f"{self.path}: {error}; keep one, as a rewrite would drop the other"
            ) from error
        return encoded_like(text, b"" if self.snapshot is None else self.snapshot.data)


def _settled(path: Path, until: float) -> _Old:
    """The moles file once no program is in the middle of writing it. Raises MelError."""
    snapshot = take_snapshot(path)
    while True:
        try:
            return _Old.of(snapshot, path)
        except MelError:
            time.sleep(SETTLE_SECONDS)
            if snapshot is None or snapshot.is_still(path) or time.monotonic() > until:
                raise
            snapshot = take_snapshot(path)


def _sorted_out(moles: Sequence[Mole], marks: Sequence[NewMark], apart_px: float) -> AppendResult:
    """Which marks can be added beside the moles that are marked."""
    written: list[NewMark] = []
    there: list[NewMark] = []
    taken: list[NewMark] = []
    uuids = {mole.uuid for mole in moles}
    places = Nearby([mole.point for mole in moles], apart_px)
    for mark in marks:
        if mark.uuid in uuids:
            there.append(mark)
        elif any(mark.point.distance_to(moles[n].point) < apart_px for n in places.of(mark.point)):
            taken.append(mark)
        else:
            written.append(mark)
            uuids.add(mark.uuid)
    return AppendResult(tuple(written), tuple(there), tuple(taken))
