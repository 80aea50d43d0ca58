"""The date of a photo and what it was read from."""

import os
from datetime import date
from pathlib import Path

from PIL import Image

from mel_debug.files.dates import PhotoDate, date_of


def photo_in(folder: Path, taken: str | None = None, changed: str | None = None) -> Path:
    """A photo with EXIF dates, whose file is of 3 May 2021."""
    folder.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if taken is not None:
        exif.get_ifd(0x8769)[0x9003] = taken
    if changed is not None:
        exif[0x0132] = changed
    path = folder / "0.jpg"
    Image.new("RGB", (8, 8)).save(path, exif=exif)
    os.utime(path, (1620043200, 1620043200))
    return path


def test_the_folder_comes_first(tmp_path: Path) -> None:
    """The nearest one that is named by a day."""
    photo = photo_in(tmp_path / "2020_01_02" / "2024_06_01" / "close", taken="2019:01:01 10:00:00")
    assert date_of(photo) == PhotoDate(date(2024, 6, 1), "folder")


def test_exif_comes_before_the_file(tmp_path: Path) -> None:
    """The day on which it was taken, else the one on which it was changed."""
    assert date_of(photo_in(tmp_path, "2023:07:08 01:02:03", "2024:01:01 00:00:00")) == PhotoDate(
        date(2023, 7, 8), "EXIF"
    )
    assert date_of(photo_in(tmp_path, None, "2024:01:01 00:00:00")).day == date(2024, 1, 1)


def test_without_a_valid_date_the_file_has_one(tmp_path: Path) -> None:
    """Impossible days of folders and EXIF are passed over."""
    photo = photo_in(tmp_path / "2024_13_45", taken="0000:00:00 00:00:00")
    assert date_of(photo) == PhotoDate(date(2021, 5, 3), "file")
