"""Appending marks to a moles file without losing what other programs write to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from mel_debug.core.geometry import Point, PointIndex
from mel_debug.core.mole import Mole
from mel_debug.files.beside import real_path
from mel_debug.files.exact_json import entry_text
from mel_debug.files.marks import marks_path
from mel_debug.files.moles_file import BeforeWriting, MolesFile, check_rewrite, rewrite

CONFIDENCE_DIGITS = 3
"""Decimals of a confidence in a moles file; `dino3-map` prints two."""


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
    photo: Path,
    marks: Sequence[NewMark],
    stem: str | None = None,
    *,
    apart_px: float = 0.0,
    before_writing: BeforeWriting | None = None,
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
    added = AppendResult((), (), ())

    def with_more(old: MolesFile) -> bytes | None:
        nonlocal added
        added = _classified(old.moles, marks, apart_px)
        if not added.written:
            return old.data
        more = [entry_text(mark.as_entry()) for mark in added.written]
        return old.with_texts(chain((text for _, text in old.entries()), more))

    # The target of a link is written, and the link stays.
    rewrite(real_path(marks_path(photo, stem)), with_more, before_writing)
    return added


def check_appendable(photo: Path, stem: str | None = None) -> None:
    """Raise MelError if `append_marks` would refuse the photo's moles file as it is now.

    For a long search whose result could then not be written. Changes nothing.
    """
    check_rewrite(real_path(marks_path(photo, stem)))


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
