"""Moles files: the marks beside a photo, in the format of `mel`.

`photo.jpg.json` is a list of objects with `uuid`, `x`, `y` (whole pixels of the photo as shown) and
`is_uuid_canonical`; other keys are left alone.
"""

import math
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mel_debug.core.errors import MelError, UsageError, shortened
from mel_debug.core.geometry import Point
from mel_debug.core.mole import Mole
from mel_debug.files.beside import beside, exists
from mel_debug.files.exact_json import elements, text_of
from mel_debug.files.json_text import decoded
from mel_debug.files.rewriting import replace_unchanged, take_snapshot

ABSENT = "absent"
"""Stem of the file with moles that are known to be absent, `photo.jpg.absent.json`."""

REJECTED = "rejected"
"""Stem of the file with guessed marks that a person has rejected, `photo.jpg.rejected.json`."""

SHORTEST_PREFIX = 6
"""Least length of a prefix that identifies a mole; the command line prints as many characters."""


FARTHEST_PX = 2**31 - 1
"""The largest width of a PNG (its specification, 11.2.2); no other format allows more."""


def marks_path(photo: Path, stem: str | None = None) -> Path:
    """The path of a photo's moles file: `photo.jpg.json`, or `photo.jpg.STEM.json`.

    If the photo is a link, the file is beside the real photo. Raises MelError if it is beside the
    link only.
    """
    return beside(photo, f".{stem}.json" if stem else ".json")


def has_marks(photo: Path, stem: str | None = None) -> bool:
    """Whether a photo has a moles file, readable or not. Raises MelError like `marks_path`."""
    return exists(marks_path(photo, stem))


def read_moles(photo: Path, stem: str | None = None) -> list[Mole]:
    """The moles marked in a photo, in the file's order.

    The integers (x, y) of a mark are a pixel, whose centre is the point (x + 0.5, y + 0.5). Raises
    UsageError if there is no moles file, and MelError if it is damaged.
    """
    return [mole for mole, _ in read_entries(photo, stem)]


def read_moles_if_any(photo: Path, stem: str | None = None) -> list[Mole]:
    """Like `read_moles`, but empty without a moles file. Raises MelError if it is damaged."""
    path = marks_path(photo, stem)
    snapshot = take_snapshot(path)
    if snapshot is None:
        return []
    return [mole for mole, _ in entries_of(decoded(snapshot.data, path), path)]


def read_entries(photo: Path, stem: str | None = None) -> Iterator[tuple[Mole, Mapping[str, Any]]]:
    """Like `read_moles`, with all keys of each entry; only one entry at a time is in memory."""
    path = marks_path(photo, stem)
    snapshot = take_snapshot(path)
    if snapshot is None:
        raise UsageError(f"{path} does not exist: no moles are marked in {photo.name}")
    text = decoded(snapshot.data, path)
    del snapshot
    yield from entries_of(text, path)


def entries_of(text: str, path: Path) -> Iterator[tuple[Mole, dict[str, Any]]]:
    """The moles in the text of a moles file, with all keys of each entry.

    Raises MelError for text that is not a list of moles.
    """
    try:
        for number, (entry, _, _) in enumerate(elements(text), start=1):
            yield _mole(entry, number, path), entry
    except RecursionError as error:
        raise MelError(f"{path} is not a moles file: its values are nested too deeply") from error
    except ValueError as error:
        raise MelError(_reason(text, path, error)) from error


def _reason(text: str, path: Path, error: ValueError) -> str:
    content = text.strip(" \t\r\n")
    if not content:
        return f"{path} is empty; remove it, or restore its marks"
    kind = {"{": "an object", '"': "a string", "n": "null"}.get(content[0])
    if kind:
        return f"{path} must contain a list of moles, not {kind}"
    return f"{path} is not valid JSON ({error})"


def moles_text(moles: Iterable[Mole]) -> str:
    """The text of a new moles file, byte for byte in `mel`'s layout."""
    entries = [
        {
            "uuid": mole.uuid,
            "x": mole.point.pixel[0],
            "y": mole.point.pixel[1],
            "is_uuid_canonical": mole.is_canonical,
        }
        for mole in moles
    ]
    return text_of(entries) + "\n"


def write_new_moles(photo: Path, moles: Iterable[Mole]) -> None:
    """Write the marks of a photo without a moles file. Raises MelError if it has one."""
    path = marks_path(photo)
    if not replace_unchanged(path, None, moles_text(moles).encode()):
        raise MelError(f"{path} exists already; its marks are not replaced")


def full_uuid(prefix: str, moles: Sequence[Mole]) -> str:
    """The uuid of `moles` that is equal to `prefix`, or the only one that starts with it.

    Raises MelError, listing the uuids, if none or several start with it.
    """
    uuids = sorted({mole.uuid for mole in moles})
    if prefix in uuids:
        return prefix
    if not uuids:
        raise MelError(f"no mole {prefix!r}: no moles are marked in the sources")
    found = [uuid for uuid in uuids if uuid.startswith(prefix.lower())]
    if len(prefix) < SHORTEST_PREFIX:
        found = []
    if len(found) > 1:
        raise MelError(
            f"{prefix!r} matches several moles: {shortened(found)}; give more characters"
        )
    if not found:
        raise MelError(
            f"no mole {prefix!r} is marked; moles marked in the sources: {shortened(uuids)} "
            f"(a unique prefix of {SHORTEST_PREFIX} characters is enough)"
        )
    return found[0]


def find_mole(uuid: str, moles: Sequence[Mole], photo: Path) -> Mole:
    """The mole with a uuid. Raises MelError unless the photo has exactly one mark of it."""
    found = [mole for mole in moles if mole.uuid == uuid]
    if not found:
        raise MelError(f"mole {uuid} is not marked in {photo}; leave that source out")
    if len(found) > 1:
        raise MelError(
            f"{marks_path(photo)} has {len(found)} marks of mole {uuid}; remove all but one"
        )
    return found[0]


def _mole(entry: Any, number: int, path: Path) -> Mole:
    try:
        uuid, x, y = entry["uuid"], entry["x"], entry["y"]
    except (TypeError, KeyError) as error:
        raise MelError(f"{path}: entry {number} lacks a uuid, x or y") from error
    if not isinstance(uuid, str) or not uuid:
        raise MelError(f"{path}: the uuid of entry {number} is not a text")
    if not (_is_pixel(x) and _is_pixel(y)):
        place = f"{reprlib.repr(x)} and {reprlib.repr(y)}"
        if _is_number(x) and _is_number(y):
            raise MelError(f"{path}: entry {number} is marked outside any photo: {place}")
        raise MelError(f"{path}: x and y of entry {number} must be numbers, not {place}")
    return Mole(uuid, Point.centre_of_pixel(x, y), bool(entry.get("is_uuid_canonical", True)))


def _is_pixel(value: Any) -> bool:
    return type(value) in (int, float) and -FARTHEST_PX <= value <= FARTHEST_PX


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))
