"""Photos with marked moles, and the questions they can answer."""

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
    """A photo's marked moles by uuid, and the uuids of those known not to be there."""

    path: Path
    moles: Mapping[str, Point]
    absent: frozenset[str]


@dataclass(frozen=True, slots=True)
class Question:
    """A mole marked in the source, and its true place in the target; None if it is not there."""

    uuid: str
    point: Point
    truth: Point | None


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """All that can be asked of one photo about another."""

    source: Path
    target: Path
    questions: tuple[Question, ...]


Skip = Callable[[str, Exception], None]
"""Takes note of what can't be used, by name, and of the reason."""


def read_labelled(roots: Iterable[Path], skip: Skip | None = None) -> list[LabelledPhoto]:
    """Every photo under the roots that has a moles file, in order of path; links to one count once.

    Marks that are guesses, and uuids marked more than once in a photo, are no truth and left out.
    A photo whose moles file can't be read is skipped; without `skip` its error is raised.
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
    """The files under a folder that have a moles file, whatever they are called.

    The marks of a link may lie elsewhere, so for links the name decides.
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
    sure = {mole.uuid: mole.point for mole in moles if mole.is_canonical and uuids[mole.uuid] == 1}
    gone = read_moles_if_any(photo, ABSENT)
    return LabelledPhoto(photo, sure, frozenset(mole.uuid for mole in gone) - set(uuids))


def labelled_pairs(roots: Iterable[Path], skip: Skip | None = None) -> list[LabelledPair]:
    """Every directed pair of photos with something to ask, those of one target in a row.

    A mole is asked for where both photos mark it, or where the target knows that it is absent.
    Raises MelError when there is no such pair. See `read_labelled` for `skip`.
    """
    roots = list(roots)
    pairs = []
    for target, source in permutations(read_labelled(roots, skip), 2):
        questions = tuple(
            Question(uuid, point, target.moles.get(uuid))
            for uuid, point in source.moles.items()
            if uuid in target.moles or uuid in target.absent
        )
        if questions:
            pairs.append(LabelledPair(source.path, target.path, questions))
    if not pairs:
        raise MelError(
            f"no two photos under {', '.join(map(str, roots))} mark the same mole; "
            "try photos that mel-debug synth made"
        )
    return pairs


def content_of(paths: Iterable[Path]) -> str:
    """A digest of photos with all that lies beside them: their marks and masks. Raises MelError."""
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
