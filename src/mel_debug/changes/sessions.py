"""Changes between two sessions: all pairs of photos of a body part, put together."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from mel_debug.changes.comparer import Comparer
from mel_debug.changes.mole_changes import NO_MAP
from mel_debug.changes.pairs import PairChanges, Rules, compare_pair
from mel_debug.changes.places import Changes, Kind, Place, least_sure_first
from mel_debug.changes.spot_changes import SAME_PLACE
from mel_debug.core.errors import MelError, text_of
from mel_debug.core.geometry import Point
from mel_debug.files.discovery import find_photos, part_of
from mel_debug.files.marks import read_moles_if_any

T = TypeVar("T")
Tick = Callable[[Sequence[T], str], Iterable[T]]

_SURE_ORDER = (Kind.SAME, Kind.CHANGED, Kind.GONE, Kind.NEW, Kind.CANNOT_TELL)


def plan_pairs(references: Sequence[Path], targets: Sequence[Path]) -> list[tuple[Path, Path]]:
    """The pairs of photos to compare, (reference, target).

    In a mel repository both are of one body part; elsewhere each target is compared with each
    reference. Raises MelError if there are none.
    """
    old, new = find_photos(references), find_photos(targets)
    parts = {photo: part_of(photo) for photo in {*old, *new}}
    pairs = [(one, other) for other in new for one in old if parts[one] == parts[other]]
    if not pairs:
        raise MelError("no photo of the target shows the body part of a reference")
    return pairs


def marks_of(photo: Path) -> dict[str, Point]:
    """The moles that a photo marks once, by uuid. Raises MelError for a damaged file."""
    moles = read_moles_if_any(photo)
    counts = Counter(mole.uuid for mole in moles)
    return {mole.uuid: mole.point for mole in moles if counts[mole.uuid] == 1}


def compare_sessions(
    pairs: Sequence[tuple[Path, Path]],
    comparer: Comparer,
    rules: Rules | None = None,
    *,
    use_target_marks: bool = True,
    tick: "Tick[tuple[Path, Path]]" = lambda items, _: items,
) -> Changes:
    """Compare all pairs; a pair that can't be compared becomes a problem of its target.

    Without `use_target_marks` the target is searched as if it had no marks, to measure how well
    that works. Raises MelError if no pair could be compared.
    """
    found: list[PairChanges] = []
    problems: dict[Path, str] = {}
    for reference, target in tick(pairs, "pairs of photos"):
        try:
            own = marks_of(target) if use_target_marks else {}
            marks = marks_of(reference)
            found.append(compare_pair(reference, target, marks, own, comparer, rules or Rules()))
        except Exception as error:  # noqa: BLE001 - one bad photo must not stop the others
            problems[target] = text_of(error)
    if problems and not found:
        raise MelError(next(iter(problems.values())))
    for target in {pair.target for pair in found} - {pair.target for pair in found if pair.mapped}:
        problems.setdefault(target, f"no new spots were sought: {NO_MAP}")
    moles = _merged_moles(mole for pair in found for mole in pair.moles)
    return Changes(least_sure_first([*moles, *_merged_spots(found)]), problems)


def _merged_moles(moles: Iterable[Place]) -> list[Place]:
    """One place a mole: it is there if any photo shows it, and gone if one shows its place bare."""
    best: dict[str, Place] = {}
    for mole in moles:
        assert mole.uuid is not None  # noqa: S101 - moles have one
        known = best.get(mole.uuid)
        if known is None or _SURE_ORDER.index(mole.kind) < _SURE_ORDER.index(known.kind):
            best[mole.uuid] = mole
    return list(best.values())


def _merged_spots(found: Sequence[PairChanges]) -> list[Place]:
    """The spots of each target that no reference shows; new if one could have shown them."""
    compared = Counter(pair.target for pair in found if pair.mapped)
    by_target: dict[Path, list[list[Place]]] = {}
    for pair in found:
        for spot in pair.spots:
            groups = by_target.setdefault(spot.photo, [])
            for group in groups:
                reach = SAME_PLACE * max(group[0].diameter_px, spot.diameter_px)
                if group[0].here.distance_to(spot.here) < reach and spot.other != group[-1].other:
                    group.append(spot)
                    break
            else:
                groups.append([spot])
    # A reference that shows the spot does not list it.
    return [
        min(group, key=lambda spot: _SURE_ORDER.index(spot.kind))
        for target, groups in by_target.items()
        for group in groups
        if len(group) == compared[target]
    ]
