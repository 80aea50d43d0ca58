"""Which photos are searched for which moles."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mel_debug.core.errors import MelError, UsageError, text_of
from mel_debug.core.escape import escaped
from mel_debug.core.geometry import Point
from mel_debug.core.mole import Mole
from mel_debug.files.beside import real_path
from mel_debug.files.discovery import PHOTOS_OF_A_REPOSITORY, find_photos
from mel_debug.files.marks import (
    ABSENT,
    has_marks,
    read_moles,
    read_moles_if_any,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """A photo that plays no part, and why."""

    photo: Path
    reason: str

    def __str__(self) -> str:
        name = str(self.photo)
        return self.reason if name in self.reason else f"{name}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Reference:
    """A photo to learn moles from: every mole that it marks just once, and which of them count.

    `named`: it was asked for by name, and so belongs to every target.
    """

    photo: Path
    moles: Mapping[str, Point]
    canonical: frozenset[str]
    named: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A photo to be marked, what it marks already, and the references that tell of it."""

    photo: Path
    marks: tuple[Mole, ...]
    references: tuple[Reference, ...] = ()

    @property
    def marked(self) -> frozenset[str]:
        """The uuids that are marked already, as canonical or not."""
        return frozenset(mole.uuid for mole in self.marks)

    @property
    def known(self) -> list[str]:
        """Every mole that is canonical in a reference, in the order of the references."""
        return list(
            dict.fromkeys(
                uuid
                for reference in self.references
                for uuid in reference.moles
                if uuid in reference.canonical
            )
        )

    def config_from(self, reference: Reference) -> dict[str, Point]:
        """The moles to look for, and where the reference marks them."""
        marked = self.marked
        return {
            uuid: point
            for uuid, point in reference.moles.items()
            if uuid in reference.canonical and uuid not in marked
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """All targets with their references, and the photos that can't take part."""

    targets: tuple[Target, ...]
    problems: tuple[Problem, ...] = field(default=())


def check_stem(stem: str | None) -> None:
    """Raise UsageError for a stem that is no part of a file's name, or that has a meaning."""
    if stem is None:
        return
    is_odd = "/" in stem or "\\" in stem or stem.strip(". ") != stem or escaped(stem) != stem
    if not stem or is_odd:
        raise UsageError(f"{stem!r} is no stem: it becomes part of a name, PHOTO.STEM.json")
    if stem.casefold() == ABSENT:  # a file system may ignore case
        raise UsageError(f"PHOTO.{ABSENT}.json lists moles that are not there; try another stem")


def make_plan(references: Sequence[Path], targets: Sequence[Path], stem: str | None = None) -> Plan:
    """Read all marks and pair the photos.

    In a folder only photos with marks are references, and of a repository with several parts of a
    body only those of the target's own part, if there are any; photos given by name always are. No
    photo is its own reference. With a `stem` the marks of targets are those of `PHOTO.STEM.json`
    alone, so that what `PHOTO.json` says can be compared with afterwards. Raises MelError when no
    reference is left, UsageError for a stem that can't be one.
    """
    check_stem(stem)
    problems: list[Problem] = []
    known = [_Placed.of(each) for each in _references(references, problems)]
    if not known:
        told = f": {problems[0]}" if problems else "; moles count that are marked and canonical"
        raise MelError(f"none of the references marks a mole{told}")
    found = []
    for photo in find_photos(targets):
        try:
            marks = tuple(read_moles_if_any(photo, stem))
            found.append(Target(photo, marks, _references_of(photo, known)))
        except Exception as error:  # noqa: BLE001 - one bad photo must not stop the rest
            problems.append(Problem(photo, text_of(error)))
    return Plan(tuple(found), tuple(problems))


def _references(places: Sequence[Path], problems: list[Problem]) -> Iterable[Reference]:
    named = {real_path(place) for place in places if not place.is_dir()}
    for photo in find_photos(places):
        by_name = real_path(photo) in named
        try:
            if not by_name and not has_marks(photo):
                continue
            reference = _reference(photo, named=by_name)
        except Exception as error:  # noqa: BLE001 - one bad photo must not stop the rest
            problems.append(Problem(photo, text_of(error)))
            continue
        if reference.canonical:
            yield reference
        elif by_name:
            problems.append(Problem(photo, "marks no mole as canonical, so tells of none"))


def _reference(photo: Path, *, named: bool) -> Reference:
    moles = read_moles(photo)
    uuids = Counter(mole.uuid for mole in moles)
    # Of a mole that is marked twice nobody knows which is meant.
    once = [mole for mole in moles if uuids[mole.uuid] == 1]
    return Reference(
        photo,
        {mole.uuid: mole.point for mole in once},
        frozenset(mole.uuid for mole in once if mole.is_canonical),
        named,
    )


@dataclass(frozen=True, slots=True)
class _Placed:
    """A reference with its real path and its part of the body, found out once for all targets."""

    reference: Reference
    real: Path
    part: Path | None

    @classmethod
    def of(cls, reference: Reference) -> "_Placed":
        return cls(reference, real_path(reference.photo), part_of(reference.photo))


def _references_of(photo: Path, references: Sequence[_Placed]) -> tuple[Reference, ...]:
    real, part = real_path(photo), part_of(photo)
    others = [each for each in references if each.real != real]
    has_own_part = any(each.part == part for each in others)
    return tuple(
        each.reference
        for each in others
        if each.reference.named or not has_own_part or each.part == part
    )


def part_of(photo: Path) -> Path | None:
    """The folder of a part of the body in a `mel` repository, PART/SUBPART; None elsewhere."""
    part = real_path(photo).parent.parent
    parts = part.parent.parent
    return part if parts.parts[-2:] == PHOTOS_OF_A_REPOSITORY.parts else None
