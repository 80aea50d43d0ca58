"""How often moles that are new or gone are recognised, on photos whose truth is known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from mel_debug.changes.comparer import Comparer
from mel_debug.changes.pairs import Rules
from mel_debug.changes.places import Changes, Kind, Place
from mel_debug.changes.sessions import Tick, compare_sessions, marks_of
from mel_debug.changes.sizes import spot_diameter
from mel_debug.confidence.blobs import contrast_at
from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.core.tables import aligned
from mel_debug.files.dates import date_of
from mel_debug.files.discovery import find_photos, part_of
from mel_debug.files.marks import ABSENT, read_moles_if_any

SIZES = (8.0, 12.0, 20.0)
"""Diameters in pixels at which new moles are grouped; smaller ones are not sought."""

CONTRASTS = (0.12, 0.24)
"""Contrasts, of the blob detector, at which new moles are grouped."""


@dataclass(frozen=True, slots=True)
class Case:
    """A mole with a known truth, at a point of a photo, and what it is listed as, with the reason.

    `diameter_px` is in pixels of the photo, and `contrast` that of the blob detector.
    """

    photo: Path
    point: Point
    diameter_px: float
    contrast: float
    listed: Kind | None
    reason: str = ""

    def line(self) -> str:
        """One line for people."""
        said = "not listed" if self.listed is None else f"listed as {self.listed}"
        why = f": {self.reason}" if self.reason else ""
        size = f"{self.diameter_px:.0f} px, contrast {self.contrast:.2f}"
        return f"{self.photo}  ({self.point.x:.0f}, {self.point.y:.0f})  {size}, {said}{why}"


@dataclass(frozen=True, slots=True)
class ChangeScores:
    """How new moles, gone ones and those that are there are listed, in `pairs` of photos.

    `false_new` are spots listed as new that are not. `found` has the changes of each pair.
    """

    pairs: int
    new: tuple[Case, ...]
    gone: tuple[Case, ...]
    there: tuple[Case, ...]
    false_new: tuple[Place, ...]
    found: tuple[Changes, ...] = ()

    @property
    def false_new_a_pair(self) -> float:
        return len(self.false_new) / max(1, self.pairs)

    def lines(self) -> list[str]:
        """A table for people."""
        rows = [["", "n", "recognised", "cannot tell"]]
        rows.append(_row("new moles", self.new, Kind.NEW))
        edges = [*SIZES, np.inf]
        for low, high in pairwise(edges):
            name = f"  {low:g} to {high:g} px" if np.isfinite(high) else f"  over {low:g} px"
            some = [case for case in self.new if low <= case.diameter_px < high]
            rows.append(_row(name, some, Kind.NEW))
        steps = [0.0, *CONTRASTS, np.inf]
        for low, high in pairwise(steps):
            name = f"  contrast {low:g} to {high:g}" if np.isfinite(high) else f"  over {low:g}"
            some = [case for case in self.new if low <= case.contrast < high]
            rows.append(_row(name, some, Kind.NEW))
        rows.append(_row("gone moles", self.gone, Kind.GONE))
        rows.append(_row("moles that are there, listed as gone", self.there, Kind.GONE))
        return [
            *aligned(rows),
            f"false new spots a pair: {self.false_new_a_pair:.2f} ({self.pairs} pairs)",
        ]

    def misses(self) -> list[str]:
        """A line for each mistake."""
        wrong = [
            ("new, missed", [case for case in self.new if case.listed is not Kind.NEW]),
            ("gone, missed", [case for case in self.gone if case.listed is not Kind.GONE]),
            ("there, listed as gone", [case for case in self.there if case.listed is Kind.GONE]),
        ]
        found = [f"{name}: {case.line()}" for name, cases in wrong for case in cases]
        for place in self.false_new:
            at = f"({place.here.x:.0f}, {place.here.y:.0f})"
            size = f"{place.diameter_px:.0f} px, {place.confidence or 0:.2f}"
            found.append(f"known, listed as new: {place.photo}  {at}  {size}")
        return found


def _row(name: str, cases: Sequence[Case], kind: Kind) -> list[str]:
    if not cases:
        return [name, "0", "-", "-"]
    listed = np.mean([case.listed is kind for case in cases])
    unsure = np.mean([case.listed is Kind.CANNOT_TELL for case in cases])
    return [name, str(len(cases)), f"{listed:.1%}", f"{unsure:.1%}"]


def sessions_of(roots: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Pairs of photos of one body part in successive sessions, (earlier, later).

    Photos with marks or a file of absent moles count. Raises MelError if there are none.
    """
    parts: dict[Path, list[Path]] = {}
    for photo in find_photos(roots):
        if read_moles_if_any(photo) or read_moles_if_any(photo, ABSENT):
            parts.setdefault(part_of(photo) or photo.parent.parent, []).append(photo)
    pairs = []
    for photos in parts.values():
        dated = sorted(photos, key=lambda photo: (date_of(photo).day, str(photo)))
        pairs += list(pairwise(dated))
    if not pairs:
        raise MelError("no body part has labelled photos of two sessions")
    return pairs


def score_changes(
    pairs: Sequence[tuple[Path, Path]],
    comparer: Comparer,
    rules: Rules | None = None,
    tick: "Tick[tuple[Path, Path]]" = lambda items, _: items,
) -> ChangeScores:
    """Compare each pair as if the later photo had no marks, and score what is said.

    A mole is new or gone only where `PHOTO.absent.json` of the other photo says that it would be in
    view. Raises MelError for photos that can't be used.
    """
    rules = rules or Rules()
    new: list[Case] = []
    gone: list[Case] = []
    there: list[Case] = []
    false: list[Place] = []
    all_found: list[Changes] = []
    for earlier, later in tick(pairs, "pairs of photos"):
        found = compare_sessions([(earlier, later)], comparer, rules, use_target_marks=False)
        all_found.append(found)
        old, now = marks_of(earlier), marks_of(later)
        places = {place.uuid: place for place in found.places if place.uuid is not None}
        for uuid, point in old.items():
            absent = uuid in _absent(later)
            if absent or uuid in now:
                case = _case(comparer, earlier, point, places.get(uuid))
                (gone if absent else there).append(case)
        fresh = {uuid: now[uuid] for uuid in now if uuid not in old}
        known = {uuid: point for uuid, point in fresh.items() if uuid in _absent(earlier)}
        listed = _listed_at(found, fresh)
        for uuid, point in known.items():
            case = _case(comparer, later, point, listed.get(uuid))
            if case.diameter_px >= rules.min_size_px:
                new.append(case)
        false += [place for place in found.of(Kind.NEW) if not _near(place, fresh.values())]
    return ChangeScores(
        len(pairs), tuple(new), tuple(gone), tuple(there), tuple(false), tuple(all_found)
    )


def _absent(photo: Path) -> set[str]:
    return {mole.uuid for mole in read_moles_if_any(photo, ABSENT)}


def _case(comparer: Comparer, path: Path, point: Point, listed: Place | None) -> Case:
    photo = comparer.photo(path)
    contrast = max(contrast_at(photo, point, zoom) for zoom in (1, 3))
    diameter = spot_diameter(photo, point)
    if listed is None:
        return Case(path, point, diameter, contrast, None)
    return Case(path, point, diameter, contrast, listed.kind, listed.reason)


def _listed_at(found: Changes, fresh: dict[str, Point]) -> dict[str, Place]:
    """The spots at new moles."""
    listed: dict[str, Place] = {}
    for place in found.places:
        if place.is_new_spot:
            for uuid, point in fresh.items():
                known = listed.get(uuid)
                if _near(place, [point]) and (known is None or known.kind is not Kind.NEW):
                    listed[uuid] = place
    return listed


def _near(place: Place, points: Iterable[Point]) -> bool:
    reach = max(6.0, 0.6 * place.diameter_px)
    return any(place.here.distance_to(point) < reach for point in points)
