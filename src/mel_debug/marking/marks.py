"""The marks of a photo as a review shows them: confirmed, guessed, unsure and rejected."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mel_debug.core.geometry import Point
from mel_debug.core.mole import Mole
from mel_debug.files.beside import real_path
from mel_debug.files.marks import REJECTED, marks_path
from mel_debug.files.moles_file import MolesFile, read_complete

CANONICAL, CONFIDENCE, UNSURE = "is_uuid_canonical", "confidence", "unsure"
"""Keys of an entry. `unsure` is true if a person has looked at the mark and could not decide."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark of a photo; `point` is the centre of its pixel, in pixels of the photo as shown.

    `confidence` is the probability, in [0, 1], that the program gave it; None if it has none.
    """

    uuid: str
    point: Point
    is_canonical: bool
    confidence: float | None = None
    is_unsure: bool = False

    @classmethod
    def of(cls, mole: Mole, entry: Mapping[str, Any]) -> "Mark":
        """A mole with the other keys of its entry in the file."""
        confidence = entry.get(CONFIDENCE)
        is_share = isinstance(confidence, (int, float)) and 0 <= confidence <= 1
        return cls(
            mole.uuid,
            mole.point,
            mole.is_canonical,
            float(confidence) if is_share else None,  # type: ignore[arg-type] # it is a number
            entry.get(UNSURE) is True,
        )


@dataclass(frozen=True, slots=True)
class PhotoMarks:
    """The marks of a photo, and those that a person has rejected, in the order of the files."""

    photo: Path
    marks: tuple[Mark, ...]
    rejected: tuple[Mark, ...]

    @property
    def guessed(self) -> tuple[Mark, ...]:
        """The marks that no person has confirmed."""
        return tuple(mark for mark in self.marks if not mark.is_canonical)


def read_photo_marks(photo: Path) -> PhotoMarks:
    """The marks of `PHOTO.json` and `PHOTO.rejected.json`; a file that is missing has none.

    Raises MelError for a damaged file.
    """
    return PhotoMarks(photo, _read(photo, None), _read(photo, REJECTED))


def marks_of(file: MolesFile) -> list[Mark]:
    """The marks of a file. Raises MelError if an object has a key twice."""
    return [
        Mark.of(mole, entry) for mole, (entry, _) in zip(file.moles, file.entries(), strict=True)
    ]


def _read(photo: Path, stem: str | None) -> tuple[Mark, ...]:
    return tuple(marks_of(read_complete(real_path(marks_path(photo, stem)))))
