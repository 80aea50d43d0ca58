"""Changes between two photos: each marked mole, and each spot of the target."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mel_debug.changes.comparer import Comparer
from mel_debug.changes.mole_changes import NO_MAP, MoleChanges
from mel_debug.changes.overlay import Overlay
from mel_debug.changes.places import Kind, Place
from mel_debug.changes.spot_changes import SpotChanges
from mel_debug.core.geometry import Point


@dataclass(frozen=True, slots=True)
class Rules:
    """`min_size_px` is the least diameter of a new spot, in pixels of the target photo."""

    min_size_px: float = 8.0


@dataclass(frozen=True, slots=True, eq=False)
class PairChanges:
    """All moles of the reference, and all spots of the target that have no known counterpart.

    `mapped` is False if the photos share too little, so that no spots could be compared.
    """

    target: Path
    moles: tuple[Place, ...]
    spots: tuple[Place, ...]
    mapped: bool = True


def compare_pair(
    reference: Path,
    target: Path,
    marks: Mapping[str, Point],
    target_marks: Mapping[str, Point],
    comparer: Comparer,
    rules: Rules,
) -> PairChanges:
    """Compare two photos; `marks` and `target_marks` are their moles by uuid.

    A mole that is marked in both is there. Raises MelError for photos that can't be used.
    """
    there, back = comparer.photo_map(reference, target), comparer.photo_map(target, reference)
    if there is None or back is None:
        lost = [
            Place(Kind.CANNOT_TELL, reference, point, target, None, 0.0, uuid, reason=NO_MAP)
            for uuid, point in marks.items()
            if uuid not in target_marks
        ]
        return PairChanges(target, tuple(lost), (), mapped=False)
    photos = comparer.photo(reference), comparer.photo(target)
    overlay, overlay_back = (
        Overlay(photos[0], photos[1], there),
        Overlay(photos[1], photos[0], back),
    )
    moles = MoleChanges(reference, target, comparer, overlay, overlay_back)
    spots = SpotChanges(reference, target, comparer, overlay_back, rules.min_size_px)
    listed = moles.places(marks, target_marks)
    return PairChanges(target, tuple(listed), tuple(spots.places(listed, marks, target_marks)))
