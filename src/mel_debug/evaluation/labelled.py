"""Labelled photos, and the moles that can be searched in pairs of them with a known truth."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.files.beside import real_path
from mel_debug.files.discovery import is_photo_name
from mel_debug.files.marks import ABSENT, has_marks, marks_path, read_moles, read_moles_if_any
from mel_debug.files.photos import mask_path
from mel_debug.files.regular import open_regular


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """A photo's marked moles by uuid, and the uuids of moles known to be absent from it."""

    path: Path
    moles: Mapping[str, Point]
    absent: frozenset[str]


@dataclass(frozen=True, slots=True)
class LabelledMole:
    """A mole's mark in the source, and its true position in the target; None if it is absent."""

    uuid: str
    point: Point
    truth: Point | None


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """An ordered pair of photos and the moles of the source whose truth in the target is known."""

    source: Path
    target: Path
    moles: tuple[LabelledMole, ...]


Skip = Callable[[str, Exception], None]
"""Records the name of a photo or pair that can't be used, and the error."""


def read_labelled(roots: Iterable[Path], skip: Skip | None = None) -> list[LabelledPhoto]:
    """Return every photo under the roots that has a moles file, by path; links to one count once.

    Guessed marks, and uuids marked more than once in a photo, are left out. A photo whose moles
    file can't be read is passed to `skip`; without `skip` its error is raised.
    """
    found: dict[Path, Path] = {}
    for root in roots:
        found |= {real_path(photo): photo for photo in _with_marks(root, skip)}
    labelled = []
    for path in found.values():
        try:
            labelled.append(_labelled(path))
        except Exception as error:
            if skip is None:
                raise
            skip(str(path), error)
    return labelled


def _with_marks(root: Path, skip: Skip | None) -> list[Path]:
    """Return the files under a folder that have a moles file, whatever their extension.

    A link counts if it is named like a photo, because its marks are beside the file it links to.
    """
    is_link = os.path.islink  # unlike `Path.is_symlink`, False for what can't be accessed
    marked = [path.with_suffix("") for path in root.rglob("*.json") if not is_link(path)]
    links = [path for path in root.rglob("*") if is_link(path) and is_photo_name(path.name)]
    found = []
    for photo in sorted({*marked, *links}):
        try:
            if photo.is_file() and has_marks(photo):
                found.append(photo)
        except Exception as error:
            if skip is None:
                raise
            skip(str(photo), error)
    return found


def _labelled(photo: Path) -> LabelledPhoto:
    moles = read_moles(photo)
    uuids = Counter(mole.uuid for mole in moles)
    canonical = {
        mole.uuid: mole.point for mole in moles if mole.is_canonical and uuids[mole.uuid] == 1
    }
    absent = frozenset(mole.uuid for mole in read_moles_if_any(photo, ABSENT))
    return LabelledPhoto(photo, canonical, absent - set(uuids))


def labelled_pairs(roots: Iterable[Path], skip: Skip | None = None) -> list[LabelledPair]:
    """Return every ordered pair of photos with moles to search, grouped by target.

    A mole of the source is searched if the target marks it or lists it as absent. Raises MelError
    if there is no such pair. See `read_labelled` for `skip`.
    """
    roots = list(roots)
    pairs = []
    for target, source in permutations(read_labelled(roots, skip), 2):
        moles = tuple(
            LabelledMole(uuid, point, target.moles.get(uuid))
            for uuid, point in source.moles.items()
            if uuid in target.moles or uuid in target.absent
        )
        if moles:
            pairs.append(LabelledPair(source.path, target.path, moles))
    if not pairs:
        raise MelError(
            f"no two photos under {', '.join(map(str, roots))} mark the same mole; "
            "try photos that `mel-debug synth` generated"
        )
    return pairs


def content_of(paths: Iterable[Path]) -> str:
    """Return a digest of photos with their marks and masks.

    Raises MelError if a file can't be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    for photo in paths:
        for path in (photo, marks_path(photo), marks_path(photo, ABSENT), mask_path(photo)):
            try:
                with open_regular(path) as file:
                    data = file.read()
            except FileNotFoundError:
                data = b""
            except OSError as error:
                raise MelError(f"{path} can't be read ({error.strerror})") from error
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
    return digest.hexdigest()
