"""Rules for output files: inputs are never overwritten, and foreign files only with `force`."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from mel_debug.core.errors import MelError, UsageError
from mel_debug.files.discovery import MASK_ENDING, PHOTO_SUFFIXES, ROOT_MARK, find_photos
from mel_debug.files.marker import is_drawn, is_own_page
from mel_debug.files.regular import check_regular

PAGE = "index.html"
"""The name of every page that is written."""

_SIDE_ENDINGS = (".json", MASK_ENDING)
"""Endings of the names of marks and masks, which start with the photo's name and a dot."""


@dataclass(frozen=True, slots=True)
class OutputGuard:
    """Protects existing files from being overwritten.

    `inputs` are the photos, folders of photos and other files that are read. `force` allows
    replacing files that are neither inputs nor were written by mel-debug.
    """

    inputs: tuple[Path, ...] = ()
    force: bool = False

    def check(self, path: Path, is_own: Callable[[Path], bool]) -> None:
        """Raise UsageError if a file must not be written; changes nothing.

        These are inputs; marks and masks of any photo, also those that do not exist yet; pipes,
        devices and folders; and, without `force`, non-empty files for which `is_own` is False. They
        are recognised by any path (links, `..`, other case). Raises MelError for an invalid path.
        """
        try:
            check_regular(path)
            real = path.resolve()
            status = path.stat() if path.exists() else None
        except (OSError, RuntimeError) as error:  # RuntimeError: links that lead to themselves
            reason = getattr(error, "strerror", None) or str(error)
            raise MelError(f"{path} can't be written ({reason}); choose another place") from error
        for name in dict.fromkeys((path, real)):
            self._check_name(name)
        if status is None:
            return
        if _is_among(status, _with_side_files(self._named)):
            raise UsageError(f"{path} is an input file; choose another name")
        if status.st_size == 0 or is_own(path):
            return
        photo = self._photo_of(real)
        if photo is not None:
            raise UsageError(f"{path} belongs to the photo {photo}; choose another name")
        if not self.force:
            raise UsageError(
                f"{path} exists, and mel-debug did not write it; choose another name, or use "
                "`force` to replace it"
            )
        if _is_among(status, _with_side_files(self._found())):
            raise UsageError(f"{path} is an input file; choose another name")

    def check_picture(self, path: Path) -> None:
        """Like `check`, for a picture; pictures drawn by mel-debug may be replaced."""
        self.check(path, is_drawn)

    def check_page(self, path: Path) -> None:
        """Like `check`, for a page; pages written by mel-debug may be replaced."""
        self.check(path, is_own_page)

    def check_folder(self, folder: Path, pictures: re.Pattern[str]) -> None:
        """Check a folder for a page and for pictures whose names match a pattern.

        Raises UsageError like `check`, and MelError if the folder can't be created or written to.
        """
        self._check_name(folder)
        self._check_name(folder.resolve())
        check_place(folder)
        with suppress(FileNotFoundError):
            for name in sorted(os.listdir(folder)):  # noqa: PTH208 - names, not paths
                if name.lower() == PAGE:
                    self.check_page(folder / name)
                elif pictures.fullmatch(name.lower()):
                    self.check_picture(folder / name)

    def _check_name(self, path: Path) -> None:
        """Raise UsageError for the name of the marks or the mask of an existing photo.

        And for the name of the file, often empty, that makes a folder a `mel` repository.
        """
        if path.name.lower() == ROOT_MARK:
            raise UsageError(f"{path} marks a folder as a `mel` repository; choose another name")
        photo = self._photo_of(path)
        if photo is not None and path.name.lower().endswith(_SIDE_ENDINGS):
            raise UsageError(
                f"{path} is a name for marks or the mask of {photo.name}; choose another name"
            )

    def _photo_of(self, path: Path) -> Path | None:
        """The photo in the same folder whose name and a dot are a prefix of the path's name."""
        for start in _starts(path.name):
            photo = path.with_name(start)
            if _is_file(photo) and (
                Path(start).suffix.lower() in PHOTO_SUFFIXES or _is_among(photo.stat(), self._named)
            ):
                return photo
        return None

    @property
    def _named(self) -> list[Path]:
        return [path for path in self.inputs if not path.is_dir()]

    def _found(self) -> list[Path]:
        """The photos in the input folders."""
        with suppress(MelError):
            return find_photos([path for path in self.inputs if path.is_dir()])
        return []


def _starts(name: str) -> Iterator[str]:
    """The part of a name before each dot."""
    return (name[: dot.start()] for dot in re.finditer(r"(?<=.)\.", name, re.DOTALL))


def _with_side_files(photos: Iterable[Path]) -> Iterator[Path]:
    """The photos, and the files beside them whose names start with a photo's name and a dot."""
    names: dict[Path, set[str]] = {}
    for photo in photos:
        yield photo
        names.setdefault(photo.parent, set()).add(photo.name)
    for folder, known in names.items():
        with suppress(OSError):
            for name in os.listdir(folder):  # noqa: PTH208 - names, not paths
                if any(start in known for start in _starts(name)):
                    yield folder / name


def _is_among(status: os.stat_result, paths: Iterable[Path]) -> bool:
    """Whether one of the paths is the file with this status, also by a link or in other case."""
    for path in paths:
        with suppress(OSError):
            if os.path.samestat(status, path.stat()):
                return True
    return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def check_apart(outputs: Mapping[str, Path | None]) -> None:
    """Raise UsageError if two of the outputs, by the names of their settings, are one file."""
    named = [(name, path) for name, path in outputs.items() if path is not None]
    for (one, path), (other, second) in combinations(named, 2):
        if _is_same(path, second):
            raise UsageError(f"`{one}` and `{other}` are both {path}; give two places")


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.resolve() == other.resolve() or one.samefile(other)
    except (OSError, RuntimeError):  # one of them is not there yet
        return False


def check_place(folder: Path) -> None:
    """Raise UsageError if the path is a file, and MelError if the folder can't be written to."""
    # Methods of `Path` raise for what lies in a folder that can't be entered.
    places = (folder, *folder.parents)
    place = next((each for each in places if os.path.exists(each)), folder)  # noqa: PTH110
    if not os.path.isdir(place):  # noqa: PTH112
        raise UsageError(f"{place} is a file; give a folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise MelError(f"{folder} can't be written (Permission denied); choose another place")
