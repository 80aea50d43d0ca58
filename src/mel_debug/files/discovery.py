"""Finding photos in folders and in mel repositories."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from mel_debug.core.errors import MelError, shortened, warn
from mel_debug.files.beside import real_path
from mel_debug.files.formats import RAW_SUFFIXES
from mel_debug.files.marker import is_drawn

PHOTO_SUFFIXES = (
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif"}
    | {".avif", ".heic", ".heif", ".hif"}
    | {".jp2", ".j2k", ".ppm", ".pgm"}
)
MASK_ENDING = ".mask.png"
ROOT_MARK = "melroot"
"""The file in the top folder of a mel repository."""

PHOTOS_OF_A_REPOSITORY = Path("rotomaps", "parts")
"""The folder of a mel repository with its photos."""


def find_photos(places: Iterable[Path]) -> list[Path]:
    """The photos among files and in folders, each once, in the order of `places`, then by path.

    A file is included whatever its name. Folders are searched recursively for files with the suffix
    of a photo, except hidden files and folders, masks, and pictures that this program drew. Links
    to folders are followed, but each folder is searched once. In a mel repository only
    `rotomaps/parts` is searched.

    Issues a MelWarning for raw photos of cameras, which are left out, and for folders that can't be
    read. Raises MelError if there are no photos at all.
    """
    places = list(places)
    searched: set[str] = set()
    found = each_once(
        photo
        for place in places
        for photo in (_photos_in(place, searched) if place.is_dir() else [place])
    )
    if not found:
        names = ", ".join(str(place) for place in places)
        raise MelError(f"no photos in {names}; give photos, or folders that contain some")
    return found


def each_once(photos: Iterable[Path]) -> list[Path]:
    """The photos in their order; of several paths that lead to one file by links, the first.

    Hard links count as separate photos, as none of their names is the original.
    """
    found: dict[Path, Path] = {}
    for photo in photos:
        found.setdefault(real_path(photo), photo)
    return list(found.values())


def part_of(photo: Path) -> Path | None:
    """The folder of a photo's body part in a mel repository, PART/SUBPART; None elsewhere."""
    part = real_path(photo).parent.parent
    parts = part.parent.parent
    return part if parts.parts[-2:] == PHOTOS_OF_A_REPOSITORY.parts else None


def is_photo_name(name: str) -> bool:
    """Whether a file of this name in a folder counts as a photo."""
    return (
        not name.startswith(".")
        and _suffix(name) in PHOTO_SUFFIXES
        and not name.lower().endswith(MASK_ENDING)
    )


def _suffix(name: str) -> str:
    return Path(name.lower()).suffix


def _photos_in(folder: Path, searched: set[str]) -> Iterator[Path]:
    """The photos in a folder without pictures that this program drew, by their first bytes."""
    return (photo for photo in _walked(folder, searched) if not is_drawn(photo))


def _walked(folder: Path, searched: set[str]) -> Iterator[Path]:
    """The photos in a folder and its subfolders, without those in `searched`; updates that."""
    parts = folder / PHOTOS_OF_A_REPOSITORY
    # Methods of `Path` raise for folders that can be listed but not entered; os.walk warns of them.
    is_repository = os.path.isfile(folder / ROOT_MARK) and os.path.isdir(parts)  # noqa: PTH112, PTH113
    start = parts if is_repository else folder
    for where, folders, files in os.walk(start, onerror=_warn_unreadable, followlinks=True):
        real = os.path.realpath(where)
        if real in searched:
            folders.clear()
            continue
        searched.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(where, name) for name in sorted(files) if is_photo_name(name))
        raw = [name for name in sorted(files) if _suffix(name) in RAW_SUFFIXES and name[0] != "."]
        if raw:
            warn(
                f"{where}: raw photos of cameras are left out ({shortened(raw)}); "
                "to use them, save them as JPEG or TIFF"
            )


def _warn_unreadable(error: OSError) -> None:
    warn(f"{error.filename} can't be searched for photos ({error.strerror})")
