"""The date of a photo: from its folder's name, its EXIF, or its file."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from mel_debug.core.errors import MelError
from mel_debug.files.decoding import opened

_FOLDER = re.compile(r"(\d{4})_(\d{2})_(\d{2})")
"""The name of a session's folder in a mel repository, YYYY_MM_DD."""

_EXIF_IFD, _TAKEN, _CHANGED = 0x8769, 0x9003, 0x0132
"""EXIF 2.3: the sub-IFD, DateTimeOriginal in it, and DateTime in the main one."""

Source = Literal["folder", "EXIF", "file"]


@dataclass(frozen=True, slots=True, order=True)
class PhotoDate:
    """The day of a photo, and what it was read from: its `folder`, its `EXIF` or its `file`.

    A file's time is that of its last change, which copying may have set.
    """

    day: date
    source: Source

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"


def date_of(photo: Path) -> PhotoDate:
    """The date of a photo: that of the nearest folder named YYYY_MM_DD, else EXIF, else its file.

    Raises MelError for a file that is no photo.
    """
    for folder in Path(os.path.abspath(photo)).parents:  # noqa: PTH100 - links keep their names
        found = _FOLDER.fullmatch(folder.name)
        if found:
            with suppress(ValueError):
                return PhotoDate(date(*map(int, found.groups())), "folder")
    taken = _taken(photo)
    if taken is not None:
        return PhotoDate(taken, "EXIF")
    try:
        return PhotoDate(date.fromtimestamp(photo.stat().st_mtime), "file")
    except (OSError, ValueError, OverflowError) as error:
        raise MelError(f"{photo}: the file's time can't be read ({error})") from error


def _taken(photo: Path) -> date | None:
    """The day in a photo's EXIF; None without a valid one."""
    with opened(photo) as (image, _):
        texts = []
        with suppress(Exception):  # Pillow raises various errors for damaged EXIF
            exif = image.getexif()
            texts = [exif.get_ifd(_EXIF_IFD).get(_TAKEN), exif.get(_CHANGED)]
    for text in texts:
        with suppress(ValueError):
            day = datetime.strptime(str(text)[:10], "%Y:%m:%d").date()
            if day.year > 1900:
                return day
    return None
