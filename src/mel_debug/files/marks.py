"""Moles files: the marks beside a photo, as `mel` keeps them.

`photo.jpg.json` is a list of objects with `uuid`, `x`, `y` (whole pixels of the photo as shown) and
`is_uuid_canonical`; other keys are left alone.
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mel_debug.core.errors import MelError, UsageError, shortened
from mel_debug.core.geometry import Point
from mel_debug.core.mole import Mole
from mel_debug.files.atomic import write_atomically
from mel_debug.files.exact_json import parse, text_of

ABSENT = "absent"
"""Stem of the file that lists moles known not to be there, `photo.jpg.absent.json`."""

SHORTEST_PREFIX = 6
"""A uuid may be shortened to this many characters, as long as only one mole starts with them."""


def marks_path(photo: Path, stem: str | None = None) -> Path:
    """Where the marks of a photo live: `photo.jpg.json`, or `photo.jpg.STEM.json`."""
    return photo.with_name(f"{photo.name}.{stem}.json" if stem else f"{photo.name}.json")


def read_moles(photo: Path, stem: str | None = None) -> list[Mole]:
    """The moles marked in a photo, in the file's order.

    The integer mark (x, y) names a pixel; its centre is the point (x + 0.5, y + 0.5). Raises
    UsageError when there is no moles file and MelError when it is not one.
    """
    path = marks_path(photo, stem)
    text = read_text(path)
    if text is None:
        raise UsageError(f"{path} does not exist: no moles are marked in {photo.name}")
    return moles_of(entries_of(text, path), path)


def read_text(path: Path) -> str | None:
    """The text of a moles file, None if there is no such file. Raises MelError."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise MelError(f"{path} can't be read ({error})") from error


def entries_of(text: str, path: Path) -> list[Any]:
    """The list that the text of a moles file holds, numbers as they were written.

    Raises MelError, naming the file, when it holds none.
    """
    try:
        entries = parse(text)
    except (ValueError, RecursionError) as error:
        raise MelError(f"{path} is no valid JSON ({error})") from error
    if not isinstance(entries, list):
        raise MelError(f"{path} must hold a list of moles, not {type(entries).__name__}")
    return entries


def moles_of(entries: Sequence[Any], path: Path) -> list[Mole]:
    """The moles of a list from a moles file. Raises MelError for an entry that is none."""
    return [_mole(entry, number, path) for number, entry in enumerate(entries, start=1)]


def moles_text(moles: Iterable[Mole]) -> str:
    """Moles as the text of a new moles file, byte for byte in `mel`'s own layout."""
    entries = [
        {
            "uuid": mole.uuid,
            "x": math.floor(mole.point.x),
            "y": math.floor(mole.point.y),
            "is_uuid_canonical": mole.is_canonical,
        }
        for mole in moles
    ]
    return text_of(entries) + "\n"


def write_new_moles(photo: Path, moles: Iterable[Mole]) -> None:
    """Write the marks of a photo that has none yet; raises MelError rather than replace any."""
    path = marks_path(photo)
    if path.exists():
        raise MelError(f"{path} exists already; its marks are not replaced")
    write_atomically(path, moles_text(moles).encode())


def full_uuid(wanted: str, moles: Sequence[Mole]) -> str:
    """The uuid among `moles` that `wanted` names in full or by a unique prefix.

    Raises MelError, listing the uuids there are, when none or several fit.
    """
    uuids = sorted({mole.uuid for mole in moles})
    if wanted in uuids:
        return wanted
    if not uuids:
        raise MelError(f"no mole {wanted!r}: no moles are marked in the sources")
    fitting = [uuid for uuid in uuids if uuid.startswith(wanted.lower())]
    if len(wanted) < SHORTEST_PREFIX:
        fitting = []
    if len(fitting) > 1:
        raise MelError(
            f"{wanted!r} fits several moles: {shortened(fitting)}; give more of the uuid"
        )
    if not fitting:
        raise MelError(
            f"no mole {wanted!r} is marked; the sources mark: {shortened(uuids)} "
            f"(a unique start of {SHORTEST_PREFIX} characters is enough)"
        )
    return fitting[0]


def find_mole(uuid: str, moles: Sequence[Mole], photo: Path) -> Mole:
    """The mole of a full uuid. Raises MelError, naming the photo, unless it is marked just once."""
    found = [mole for mole in moles if mole.uuid == uuid]
    if not found:
        raise MelError(f"{photo} does not mark mole {uuid}; leave that source out")
    if len(found) > 1:
        raise MelError(f"{marks_path(photo)} marks mole {uuid} {len(found)} times; keep one")
    return found[0]


def _mole(entry: Any, number: int, path: Path) -> Mole:
    try:
        uuid, x, y = entry["uuid"], entry["x"], entry["y"]
    except (TypeError, KeyError) as error:
        raise MelError(f"{path}: entry {number} lacks a uuid, x or y") from error
    if not isinstance(uuid, str) or not uuid:
        raise MelError(f"{path}: the uuid of entry {number} is no text")
    if not _is_number(x) or not _is_number(y):
        raise MelError(f"{path}: x and y of entry {number} must be numbers, not {x!r} and {y!r}")
    return Mole(uuid, Point(x + 0.5, y + 0.5), bool(entry.get("is_uuid_canonical", True)))


def _is_number(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False
