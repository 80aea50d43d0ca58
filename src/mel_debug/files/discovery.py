"""Finding photos in folders, among them those of a mel repository."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from mel_debug.core.errors import MelError

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"}
MASK_ENDING = ".mask.png"
ROOT_MARK = "melroot"
"""The file that makes a folder a mel repository."""

PHOTOS_OF_A_REPOSITORY = Path("rotomaps", "parts")


def find_photos(places: Iterable[Path]) -> list[Path]:
    """The photos of files and folders, each once, in the order of the places and then by path.

    A file is taken whatever it is called. In a folder, and all folders inside, photos are told by
    their suffix; hidden files, masks and hidden folders are passed over. Of a mel repository only
    the photos under `rotomaps/parts` count. Raises MelError when there are none at all.
    """
    places = list(places)
    found: dict[Path, Path] = {}
    for place in places:
        for photo in _walked(place) if place.is_dir() else [place]:
            found.setdefault(photo.resolve(), photo)
    if not found:
        names = ", ".join(str(place) for place in places)
        raise MelError(f"no photos in {names}; name photos, or folders that have some")
    return list(found.values())


def is_photo_name(name: str) -> bool:
    """Whether a file of this name in a folder is taken for a photo."""
    lowered = name.lower()
    return (
        not name.startswith(".")
        and Path(lowered).suffix in PHOTO_SUFFIXES
        and not lowered.endswith(MASK_ENDING)
    )


def _walked(folder: Path) -> Iterator[Path]:
    parts = folder / PHOTOS_OF_A_REPOSITORY
    start = parts if (folder / ROOT_MARK).is_file() and parts.is_dir() else folder
    for where, folders, files in os.walk(start):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(where, name) for name in sorted(files) if is_photo_name(name))
