"""The photos in which a mole is followed, in the order of their dates."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mel_debug.core.errors import MelError, naming, text_of
from mel_debug.core.geometry import Point
from mel_debug.core.mole import Mole
from mel_debug.files.dates import PhotoDate, date_of
from mel_debug.files.discovery import find_photos, part_of
from mel_debug.files.marks import full_uuid, read_moles_if_any


@dataclass(frozen=True, slots=True)
class DatedPhoto:
    """A photo with its date, and where it marks the mole: None if it doesn't.

    `problem` says why its marks can't be used.
    """

    photo: Path
    date: PhotoDate
    mark: Point | None
    problem: str | None = None


Tick = Callable[[Sequence[DatedPhoto], str], Iterable[DatedPhoto]]


def photos_of_mole(prefix: str, places: Sequence[Path]) -> tuple[str, list[DatedPhoto]]:
    """The uuid that a prefix stands for, and the photos to show, oldest first.

    In a mel repository these are the photos of the body parts that mark the mole, elsewhere all
    photos of `places`. A photo whose marks can't be used has a problem. Raises MelError if no other
    photo marks the mole.
    """
    photos = find_photos(places)
    moles: dict[Path, list[Mole]] = {}
    problems: dict[Path, str] = {}
    for photo in photos:
        try:
            moles[photo] = read_moles_if_any(photo)
        except MelError as error:
            problems[photo] = text_of(error)
    if problems and not any(moles.values()):
        raise MelError(naming(*next(iter(problems.items()))))
    uuid = full_uuid(prefix, [mole for marks in moles.values() for mole in marks])
    marks: dict[Path, Point] = {}
    for photo, marked in moles.items():
        own = [mole.point for mole in marked if mole.uuid == uuid]
        if len(own) > 1:
            problems[photo] = f"{len(own)} marks of mole {uuid}; remove all but one"
        elif own:
            marks[photo] = own[0]
    if not marks:
        raise MelError(naming(*next(iter(problems.items()))))
    parts = {part_of(photo) for photo in marks}
    chosen = [photo for photo in photos if photo in marks or part_of(photo) in parts]
    dated = [
        DatedPhoto(photo, date_of(photo), marks.get(photo), problems.get(photo)) for photo in chosen
    ]
    return uuid, sorted(dated, key=lambda each: (each.date.day, str(each.photo)))
