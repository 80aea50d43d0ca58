"""Pairing targets with the references whose moles they are searched for."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mel_debug.core.errors import MelError, UsageError, naming, text_of
from mel_debug.core.escape import escaped
from mel_debug.core.geometry import Point
from mel_debug.core.mole import Mole
from mel_debug.files.beside import real_path
from mel_debug.files.discovery import find_photos, part_of
from mel_debug.files.marks import (
    ABSENT,
    REJECTED,
    has_marks,
    read_moles,
    read_moles_if_any,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """A photo that cannot be used, and the reason."""

    photo: Path
    reason: str

    def __str__(self) -> str:
        return naming(self.photo, self.reason)


@dataclass(frozen=True, slots=True)
class Reference:
    """A photo whose moles are searched for: those it marks exactly once, in its own pixels.

    `canonical` are the uuids of canonical marks; the others only support the alignment. A reference
    that is `given_by_name` is used for every target.
    """

    photo: Path
    moles: Mapping[str, Point]
    canonical: frozenset[str]
    given_by_name: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A photo to be marked, its existing marks, and the references to search with.

    `rejected` are guesses that a person has rejected; they are not made again.
    """

    photo: Path
    marks: tuple[Mole, ...]
    references: tuple[Reference, ...] = ()
    rejected: tuple[Mole, ...] = ()

    @property
    def marked(self) -> frozenset[str]:
        """The uuids that are marked already, whether canonical or not."""
        return frozenset(mole.uuid for mole in self.marks)

    @property
    def known(self) -> list[str]:
        """The uuids that are canonical in a reference, in the order of the references."""
        return list(
            dict.fromkeys(
                uuid
                for reference in self.references
                for uuid in reference.moles
                if uuid in reference.canonical
            )
        )

    def moles_to_find(self, reference: Reference) -> dict[str, Point]:
        """The moles to search for: canonical in the reference and not marked in the target yet."""
        marked = self.marked
        return {
            uuid: point
            for uuid, point in reference.moles.items()
            if uuid in reference.canonical and uuid not in marked
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """All targets with their references, and the photos that cannot be used."""

    targets: tuple[Target, ...]
    problems: tuple[Problem, ...] = field(default=())


def check_stem(stem: str | None) -> None:
    """Raise UsageError for a stem that cannot be part of a file name, or that is reserved."""
    if stem is None:
        return
    is_odd = "/" in stem or "\\" in stem or stem.strip(". ") != stem or escaped(stem) != stem
    if not stem or is_odd:
        raise UsageError(
            f"{stem!r} cannot be a stem, because it becomes part of a file name, PHOTO.STEM.json"
        )
    for reserved, purpose in ((ABSENT, "absent moles"), (REJECTED, "rejected marks")):
        if stem.casefold() == reserved:  # a file system may ignore case
            raise UsageError(f"PHOTO.{reserved}.json is reserved for {purpose}; try another stem")


def make_plan(references: Sequence[Path], targets: Sequence[Path], stem: str | None = None) -> Plan:
    """Read all marks and pair the photos.

    References given by name are used for all targets. Those in folders need marks, and in a mel
    repository a target uses only those of its own body part, if there are any. No photo is its own
    reference. With a `stem` the existing marks of targets are those of `PHOTO.STEM.json` only, so
    that the result can be compared with `PHOTO.json`, and rejected marks play no part. Raises
    MelError if there is no reference, and UsageError for a stem that cannot be used.
    """
    check_stem(stem)
    problems: list[Problem] = []
    known = [_LocatedReference.of(each) for each in _references(references, problems)]
    if not known:
        reason = f": {problems[0]}" if problems else "; only canonical marks count"
        raise MelError(f"none of the references marks a mole{reason}")
    found = []
    for photo in find_photos(targets):
        try:
            marks = tuple(read_moles_if_any(photo, stem))
            rejected = tuple(read_moles_if_any(photo, REJECTED)) if stem is None else ()
            found.append(Target(photo, marks, _references_of(photo, known), rejected))
        except Exception as error:  # noqa: BLE001 - one bad photo must not stop the others
            problems.append(Problem(photo, text_of(error)))
    return Plan(tuple(found), tuple(problems))


def _references(places: Sequence[Path], problems: list[Problem]) -> Iterable[Reference]:
    named = {real_path(place) for place in places if not place.is_dir()}
    for photo in find_photos(places):
        by_name = real_path(photo) in named
        try:
            if not by_name and not has_marks(photo):
                continue
            reference = _reference(photo, given_by_name=by_name)
        except Exception as error:  # noqa: BLE001 - one bad photo must not stop the others
            problems.append(Problem(photo, text_of(error)))
            continue
        if reference.canonical:
            yield reference
        elif by_name:
            problems.append(Problem(photo, "has no canonical mark, so it cannot be a reference"))


def _reference(photo: Path, *, given_by_name: bool) -> Reference:
    moles = read_moles(photo)
    uuids = Counter(mole.uuid for mole in moles)
    # Of a mole that is marked twice, the right place is unknown.
    once = [mole for mole in moles if uuids[mole.uuid] == 1]
    return Reference(
        photo,
        {mole.uuid: mole.point for mole in once},
        frozenset(mole.uuid for mole in once if mole.is_canonical),
        given_by_name,
    )


@dataclass(frozen=True, slots=True)
class _LocatedReference:
    """A reference with its real path and body part, computed once for all targets."""

    reference: Reference
    real: Path
    part: Path | None

    @classmethod
    def of(cls, reference: Reference) -> "_LocatedReference":
        return cls(reference, real_path(reference.photo), part_of(reference.photo))


def _references_of(photo: Path, references: Sequence[_LocatedReference]) -> tuple[Reference, ...]:
    real, part = real_path(photo), part_of(photo)
    others = [each for each in references if each.real != real]
    has_own_part = any(each.part == part for each in others)
    return tuple(
        each.reference
        for each in others
        if each.reference.given_by_name or not has_own_part or each.part == part
    )
