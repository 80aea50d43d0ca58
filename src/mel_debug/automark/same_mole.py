"""Pairs of uuids that look like two labels of one mole."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mel_debug.automark.decide import SAME_PLACE_SHARE
from mel_debug.automark.decision import Decision, Outcome
from mel_debug.automark.search import PairResult
from mel_debug.automark.targets import Reference, Target
from mel_debug.core.geometry import Point, PointIndex

APART_SHARE = 2 * SAME_PLACE_SHARE
"""Two marks further apart than this, in longer sides of their photo, are of two moles.

30 px at 6000 px: two labels of one mole are within 15 px as a rule, and the nearest two real moles
measured are 55 px apart.
"""

LEAST_PX = 1.0
"""In a small photo marks up to this far apart are of one mole, as marks are whole pixels."""

SHOWN = 8
"""The number of characters of a uuid in a message."""


@dataclass(frozen=True, slots=True)
class SameMole:
    """Two uuids, in their order, with their points in a photo, in its pixels.

    `was_found` is whether at least one of the points was found by a search rather than marked.
    """

    uuids: tuple[str, str]
    photo: Path
    points: tuple[Point, Point]
    was_found: bool

    @property
    def distance_px(self) -> float:
        """The distance between both points."""
        return self.points[0].distance_to(self.points[1])

    def __str__(self) -> str:
        first, second = self.uuids
        if first[:SHOWN] != second[:SHOWN]:
            first, second = first[:SHOWN], second[:SHOWN]
        how = "found" if self.was_found else "marked"
        apart = f"{how} {self.distance_px:.0f} px apart in {self.photo}"
        return f"moles {first} and {second} look like one mole ({apart})"


def same_moles(
    target: Target,
    results: Sequence[tuple[Reference, PairResult]],
    decisions: Sequence[Decision],
    min_confidence: float,
) -> tuple[SameMole, ...]:
    """The pairs that look like one mole, in the order of the references, then those of the target.

    In a reference, two moles look like one if their marks are within `SAME_PLACE_SHARE` of its
    longer side. In the target a mole also counts where it was found with at least `min_confidence`,
    and a pair that a reference marks further apart than `APART_SHARE` is left out: it is two moles,
    one of which was found wrongly. Only references with a result are considered.
    """
    pairs = [
        SameMole(*pair, was_found=False)
        for reference, result in results
        for pair in _near(
            reference.photo,
            reference.moles,
            _distance(SAME_PLACE_SHARE, result.frame.source.longest),
        )
    ]
    if results:
        marked = {mole.uuid: mole.point for mole in target.marks}
        found = _found(decisions, min_confidence)
        distance = _distance(SAME_PLACE_SHARE, results[0][1].frame.target.longest)
        pairs += [
            SameMole(*pair, was_found=not marked.keys() >= set(pair[0]))
            for pair in _near(target.photo, found | marked, distance)
            if not any(_are_apart(pair[0], *each) for each in results)
        ]
    return tuple(pairs)


def _distance(share: float, longest: float) -> float:
    return max(LEAST_PX, share * longest)


def _found(decisions: Sequence[Decision], min_confidence: float) -> dict[str, Point]:
    """Where moles were found with enough confidence, whether or not they were added there."""
    return {
        each.uuid: each.point
        for each in decisions
        if each.outcome in (Outcome.ADDED, Outcome.UNCERTAIN)
        and each.point is not None
        and (each.confidence or 0.0) >= min_confidence
    }


def _near(
    photo: Path, points: Mapping[str, Point], distance: float
) -> Iterator[tuple[tuple[str, str], Path, tuple[Point, Point]]]:
    """The pairs of moles within a distance, ordered by uuid."""
    uuids = sorted(points)
    index = PointIndex([points[uuid] for uuid in uuids], distance)
    for number, uuid in enumerate(uuids):
        for other in sorted(index.near(points[uuid])):
            second = uuids[other]
            if other > number and points[uuid].distance_to(points[second]) <= distance:
                yield (uuid, second), photo, (points[uuid], points[second])


def _are_apart(uuids: tuple[str, str], reference: Reference, result: PairResult) -> bool:
    """Whether a reference marks two moles clearly apart."""
    first, second = (reference.moles.get(uuid) for uuid in uuids)
    if first is None or second is None:
        return False
    return first.distance_to(second) > _distance(APART_SHARE, result.frame.source.longest)
