"""Adding marks to a moles file that others may be writing too: nothing that is there is lost."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mel_debug.core.geometry import Point
from mel_debug.core.mole import Mole
from mel_debug.files.atomic import remove_unfinished, write_durably
from mel_debug.files.exact_json import text_of
from mel_debug.files.locking import locked
from mel_debug.files.marks import entries_of, marks_path, moles_of, read_text

CONFIDENCE_DIGITS = 3


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
    their order and with all their keys. A mole that is marked by then is left out, and so is one
    whose place lies within `apart_px` of a mark of another. Without anything to add the file is not
    touched. It is replaced whole, has reached the disk when this returns, and has `mel`'s layout.
    Raises MelError.
    """
    # Of a link the file that it leads to is written, and the link stays.
    path = marks_path(photo, stem).resolve()
    with locked(path):
        text = read_text(path)
        entries = [] if text is None else entries_of(text, path)
        added = _sorted_out(moles_of(entries, path), marks, apart_px)
        remove_unfinished(path)
        if added.written:
            entries += [mark.as_entry() for mark in added.written]
            write_durably(path, f"{text_of(entries)}\n".encode())
    return added


def _sorted_out(moles: Sequence[Mole], marks: Sequence[NewMark], apart_px: float) -> AppendResult:
    """Which marks can be added beside the moles that are marked."""
    written: list[NewMark] = []
    there: list[NewMark] = []
    taken: list[NewMark] = []
    uuids = {mole.uuid for mole in moles}
    for mark in marks:
        if mark.uuid in uuids:
            there.append(mark)
        elif any(mark.point.distance_to(mole.point) < apart_px for mole in moles):
            taken.append(mark)
        else:
            written.append(mark)
            uuids.add(mark.uuid)
    return AppendResult(tuple(written), tuple(there), tuple(taken))
