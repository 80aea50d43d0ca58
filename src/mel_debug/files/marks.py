"""Moles files: the marks beside a photo, as `mel` keeps them.

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
"""Stem of the file that lists moles known not to be there, `photo.jpg.absent.json`."""

SHORTEST_PREFIX = 6
"""A uuid may be shortened to this many characters, as long as only one mole starts with them."""


FARTHEST_PX = 2**31 - 1
"""No photo is wider or higher: a PNG's limit (its specification, 11.2.2), the largest of all."""


def marks_path(photo: Path, stem: str | None = None) -> Path:
    """Where the marks of a photo live: `photo.jpg.json`, or `photo.jpg.STEM.json`.

    Of a photo that is a link, beside the real photo. Raises MelError if marks lie beside the link
    only.
    """
    return beside(photo, f".{stem}.json" if stem else ".json")


def has_marks(photo: Path, stem: str | None = None) -> bool:
    """Whether a photo has a moles file, readable or not. Raises MelError as `marks_path`."""
    return exists(marks_path(photo, stem))


def read_moles(photo: Path, stem: str | None = None) -> list[Mole]:
    """The moles marked in a photo, in the file's order.

    The integer mark (x, y) names a pixel; its centre is the point (x + 0.5, y + 0.5). Raises
    UsageError when there is no moles file and MelError when it is not one.
    """
    return [mole for mole, _ in read_entries(photo, stem)]


def read_moles_if_any(photo: Path, stem: str | None = None) -> list[Mole]:
    """As `read_moles`, but without a moles file there are none. Raises MelError."""
    path = marks_path(photo, stem)
    snapshot = take_snapshot(path)
    if snapshot is None:
        return []
    return [mole for mole, _ in entries_of(decoded(snapshot.data, path), path)]


def read_entries(photo: Path, stem: str | None = None) -> Iterator[tuple[Mole, Mapping[str, Any]]]:
    """As `read_moles`, each mole with all keys of its entry; one entry at a time is in memory."""
    path = marks_path(photo, stem)
    snapshot = take_snapshot(path)
    if snapshot is None:
        raise UsageError(f"{path} does not exist: no moles are marked in {photo.name}")
    text = decoded(snapshot.data, path)
    del snapshot
    yield from entries_of(text, path)


def entries_of(text: str, path: Path) -> Iterator[tuple[Mole, dict[str, Any]]]:
    """The moles in the text of a moles file, each with all keys of its entry.

    Raises MelError, naming the file, for text that is no list of moles.
    """
    try:
        for number, (entry, _, _) in enumerate(elements(text), start=1):
            yield _mole(entry, number, path), entry
    except RecursionError as error:
        raise MelError(f"{path} is no moles file: its values are nested too deeply") from error
    except ValueError as error:
        raise MelError(_no_list(text, path, error)) from error


def _no_list(text: str, path: Path, error: ValueError) -> str:
    content = text.strip(" \t\r\n")
    if not content:
        return f"{path} is empty; remove it, or restore its marks"
    kind = {"{": "an object", '"': "a string", "n": "null"}.get(content[0])
    if kind:
        return f"{path} must hold a list of moles, not {kind}"
    return f"{path} is no valid JSON ({error})"


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
    if not replace_unchanged(path, None, moles_text(moles).encode()):
        raise MelError(f"{path} exists already; its marks are not replaced")


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
    if not (_is_pixel(x) and _is_pixel(y)):
        place = f"{reprlib.repr(x)} and {reprlib.repr(y)}"
        if _is_number(x) and _is_number(y):
            raise MelError(f"{path}: entry {number} is marked outside any photo: {place}")
        raise MelError(f"{path}: x and y of entry {number} must be numbers, not {place}")
    return Mole(uuid, Point(x + 0.5, y + 0.5), bool(entry.get("is_uuid_canonical", True)))


def _is_pixel(value: Any) -> bool:
    return type(value) in (int, float) and -FARTHEST_PX <= value <= FARTHEST_PX


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))
