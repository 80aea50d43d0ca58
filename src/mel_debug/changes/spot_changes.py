"""The spots of a photo without a known counterpart in an earlier one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mel_debug.changes.comparer import Comparer
from mel_debug.changes.evidence import BESIDE
from mel_debug.changes.found_again import without_found
from mel_debug.changes.new_spots import SURE, UNLIKELY, doubt_of_colour, probability_new
from mel_debug.changes.overlay import Overlay
from mel_debug.changes.peaks import Spot, is_lobe
from mel_debug.changes.places import Kind, Place
from mel_debug.core.geometry import Point

SAME_PLACE = 0.6
"""Distance between two places, in diameters of the larger one, below which they are one spot."""

STANDS_OUT = 0.06
"""Least response of a spot without a counterpart that is listed as `cannot_tell`."""


@dataclass(frozen=True, slots=True, eq=False)
class SpotChanges:
    """The spots of a target photo in a reference photo.

    `overlay` has the reference drawn into the target's frame. `min_size_px` is the least diameter
    of a spot without a mark, in pixels of the target.
    """

    reference: Path
    target: Path
    comparer: Comparer
    overlay: Overlay
    min_size_px: float

    def places(
        self,
        moles: Sequence[Place],
        marks: Mapping[str, Point],
        target_marks: Mapping[str, Point],
    ) -> list[Place]:
        """Each spot of the target without a known counterpart in the reference."""
        overlay = self.overlay
        known = [m.there for m in moles if m.kind in (Kind.SAME, Kind.CHANGED) and m.there]
        own = {uuid: point for uuid, point in target_marks.items() if uuid not in marks}
        named = [(overlay.spot_at(point), uuid) for uuid, point in own.items()]
        found: list[tuple[Spot, Place]] = []
        for spot, uuid in [*named, *((spot, None) for spot in overlay.spots)]:
            point, diameter = overlay.point(spot), overlay.diameter(spot)
            if uuid is None and (
                diameter < self.min_size_px
                or _is_near(point, diameter, known)
                or _is_near(point, diameter, own.values())
            ):
                continue
            place = self._spot(spot, uuid)
            if place is not None:
                found.append((spot, place))
        whole = [(spot.response, place) for spot, place in _without_lobes(found)]
        return without_found(whole, self.comparer)

    def _spot(self, spot: Spot, uuid: str | None) -> Place | None:
        """A spot as a place; None if the reference shows it too."""
        overlay = self.overlay
        there = overlay.other_point(spot)
        point = overlay.point(spot)
        (xx, xy), (yx, yy) = overlay.warp.jacobians(np.array([[point.x, point.y]]))[0].tolist()
        place = Place(
            Kind.CANNOT_TELL,
            self.target,
            point,
            self.reference,
            there,
            overlay.diameter(spot),
            uuid,
            local=((xx, xy), (yx, yy)),
            is_new_spot=True,
        )
        evidence = overlay.evidence(spot)
        if evidence.obstacle is not None:
            shown = evidence.shown  # so that it is no change, whatever the obstacle
            listed = uuid is not None or (spot.response > STANDS_OUT and not shown)
            return replace(place, reason=evidence.obstacle) if listed else None
        probability = probability_new(evidence)
        if probability < UNLIKELY and uuid is None:
            return None
        if evidence.beside:
            return replace(place, reason=BESIDE)
        odd = doubt_of_colour(evidence, place.diameter_px)
        if odd is not None and probability >= SURE:
            return replace(place, reason=odd)
        if probability < SURE:
            return replace(place, reason=f"not sure: new with a probability of {probability:.2f}")
        doubtful = not evidence.well_vouched
        return replace(place, kind=Kind.NEW, confidence=probability, doubtful=doubtful)


def _is_near(point: Point, diameter: float, others: Iterable[Point]) -> bool:
    return any(point.distance_to(other) < SAME_PLACE * diameter for other in others)


def _without_lobes(listed: Sequence[tuple[Spot, Place]]) -> list[tuple[Spot, Place]]:
    """The spots without those that are a part of another one.

    Marked ones stay, and those that are a part of one that can't be told for another reason.
    """
    return [
        (spot, place)
        for spot, place in listed
        if place.uuid is not None
        or not any(
            is_lobe(spot, other)
            for other, whole in listed
            if whole.kind is Kind.NEW or (whole.kind, whole.reason) == (place.kind, place.reason)
        )
    ]
