"""Photos of one skin on several days, for whole runs of `automark3`."""

import functools
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mel_debug.core.types import Pixels
from mel_debug.files.marks import marks_path
from workbench import skin, with_moles

PLACES = [(60, 80), (120, 210), (170, 60), (200, 150), (90, 140), (230, 220), (140, 110), (215, 90)]
"""Where the moles of the whole skin are; a photo shows a part of it."""

GONE = 7
"""The number of the mole that the later photos do not show."""

SIDE = 256
CORNERS = {"day1": (16, 16), "day2": (8, 24), "day3": (24, 8)}
"""The top left corner of each day's photo."""

STAGES = ("--extractor", "xfeat", "--image-size", "256", "--similarity", "cosine")


def uuid(number: int) -> str:
    return f"{number + 1:032x}"


@functools.cache
def _png(day: str) -> bytes:
    left, top = CORNERS[day]
    places = PLACES if day == "day1" else PLACES[:GONE]
    picture: Pixels = with_moles(skin(SIDE + 32, SIDE + 32, seed=11), places)
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture[top : top + SIDE, left : left + SIDE])).save(
        file, format="PNG"
    )
    return file.getvalue()


@dataclass(frozen=True)
class Session:
    """The photo of a day in a folder of its own."""

    day: str
    photo: Path

    def place(self, number: int) -> tuple[int, int]:
        """The pixel that shows a mole's centre."""
        left, top = CORNERS[self.day]
        return PLACES[number][0] - left, PLACES[number][1] - top

    def mark(self, *numbers: int, stem: str | None = None, **more: Any) -> None:
        """Write a moles file with these moles."""
        entries = [
            {
                "uuid": uuid(number),
                "x": self.place(number)[0],
                "y": self.place(number)[1],
                "is_uuid_canonical": True,
                **more,
            }
            for number in numbers
        ]
        text = json.dumps(entries, indent=4, sort_keys=True, separators=(",", ": "))
        marks_path(self.photo, stem).write_text(text + "\n")

    def marks(self, stem: str | None = None) -> list[dict[str, Any]]:
        """The entries of its moles file."""
        entries: list[dict[str, Any]] = json.loads(marks_path(self.photo, stem).read_text())
        return entries

    def errors(self, stem: str | None = None) -> dict[int, float]:
        """How far each mark, by mole, is from where the photo shows the mole."""
        found = {}
        for entry in self.marks(stem):
            number = int(entry["uuid"], 16) - 1
            x, y = self.place(number)
            found[number] = float(np.hypot(entry["x"] - x, entry["y"] - y))
        return found


def make_session(folder: Path, day: str) -> Session:
    """A day's photo without marks."""
    photo = folder / day / "0.png"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(_png(day))
    return Session(day, photo)


def arguments(references: list[Path], targets: list[Path], *more: str) -> list[str]:
    """`automark3` with the packaged XFeat and cosine, at the photos' own size."""
    named = ["--reference", *map(str, references), "--target", *map(str, targets)]
    return ["automark3", *named, *STAGES, *more]
