"""Photos with marked moles, and the questions they can answer."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.files.marks import ABSENT, marks_path, read_moles
from mel_debug.files.photos import mask_path


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


def read_labelled(roots: Iterable[Path]) -> list[LabelledPhoto]:
    """Every photo under the roots that has a moles file, in order of path.

    Marks that are guesses, and uuids marked more than once in a photo, are no truth and left out.
    Raises MelError for a moles file that can't be read.
    """
    found = {
        path.with_suffix("").resolve(): path.with_suffix("")
        for root in roots
        for path in sorted(root.rglob("*.json"))
        if path.with_suffix("").is_file()
    }
    return [_labelled(path) for path in found.values()]


def _labelled(photo: Path) -> LabelledPhoto:
    moles = read_moles(photo)
    uuids = [mole.uuid for mole in moles]
    sure = {
        mole.uuid: mole.point for mole in moles if mole.is_canonical and uuids.count(mole.uuid) == 1
    }
    gone = read_moles(photo, ABSENT) if marks_path(photo, ABSENT).exists() else []
    return LabelledPhoto(photo, sure, frozenset(mole.uuid for mole in gone) - set(uuids))


def labelled_pairs(roots: Iterable[Path]) -> list[LabelledPair]:
    """Every directed pair of photos with something to ask, those of one target in a row.

    A mole is asked for where both photos mark it, or where the target knows that it is absent.
    Raises MelError when there is no such pair.
    """
    roots = list(roots)
    pairs = []
    for target, source in permutations(read_labelled(roots), 2):
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
                data = path.read_bytes() if path.exists() else b""
            except OSError as error:
                raise MelError(f"{path} can't be read ({error.strerror})") from error
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
    return digest.hexdigest()
