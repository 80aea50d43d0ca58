"""What became of the marked moles of a photo in another one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mel_debug.changes.alignment import measuring_map
from mel_debug.changes.common_factor import without_common_factor
from mel_debug.changes.comparer import Comparer
from mel_debug.changes.crops import Frame, aligned_crop
from mel_debug.changes.evidence import BESIDE, NOT_VOUCHED
from mel_debug.changes.history import DISC, MEASURED_SIDE
from mel_debug.changes.new_spots import probability_new
from mel_debug.changes.overlay import BESIDE as BESIDE_SHARE
from mel_debug.changes.overlay import Overlay
from mel_debug.changes.places import Kind, Place
from mel_debug.changes.ratios import Ratio, compare
from mel_debug.changes.sizes import spot_diameter
from mel_debug.core.geometry import Point
from mel_debug.core.types import Match

MORE_LIKELY = 0.5
"""Probability that a mole has gone and the spot beside its place is new, from which it has."""

SURELY_ABSENT = 0.85
"""Probability of a mole's absence from which its neighbours need not vouch for its place."""

NO_MAP = "the photos share too little"


@dataclass(frozen=True, slots=True, eq=False)
class MoleChanges:
    """The moles of a reference photo in a target photo.

    `overlay` has the target drawn into the reference's frame, and `overlay_back` the reverse.
    """

    reference: Path
    target: Path
    comparer: Comparer
    overlay: Overlay
    overlay_back: Overlay

    def places(self, marks: Mapping[str, Point], target_marks: Mapping[str, Point]) -> list[Place]:
        """Each mole of the reference."""
        found = []
        searchable: dict[str, Point] = {}
        for uuid, point in marks.items():
            reason = self.comparer.unsearchable(uuid, self.reference, point)
            if reason is None:
                searchable[uuid] = point
            else:
                found.append(self._unknown(uuid, point, reason))
        matches = self.comparer.find(self.reference, searchable, self.target)
        for uuid, match in matches.items():
            found.append(self._mole(uuid, searchable[uuid], match, target_marks.get(uuid)))
        return without_common_factor(found)

    def _mole(self, uuid: str, point: Point, match: Match, marked: Point | None) -> Place:
        sure, local = match.confidence, match.jacobian
        assert sure is not None  # noqa: S101 - the comparer has a judge
        if local is None:
            return self._unknown(uuid, point, NO_MAP)
        diameter = spot_diameter(self.overlay.photo, point)
        place = Place(
            Kind.SAME,
            self.reference,
            point,
            self.target,
            match.best,
            diameter,
            uuid,
            sure.probability,
            local=local,
        )
        if marked is not None:
            scale = float(abs(np.linalg.det(np.array(local))) ** 0.5)
            if marked.distance_to(match.best) > diameter * scale:
                reason = "the search leads elsewhere than the target's mark"
                return replace(place, there=marked, confidence=1.0, ratios=reason)
            return replace(place, confidence=1.0, ratios=self._ratios(point, match, diameter))
        if sure.uncertain:
            return self._missing(place, match)
        gone = self._gone_beside_a_new_one(place, match.best)
        return gone or replace(place, ratios=self._ratios(point, match, diameter))

    def _gone_beside_a_new_one(self, place: Place, found: Point) -> Place | None:
        """The mole as gone, if the search took a new spot beside its bare place for it; else None.

        Both photos must say so, each where the spots around vouch for the map.
        """
        there = self._led(place.here)
        if there.distance_to(found) < BESIDE_SHARE * self.overlay.other_photo.size.longest:
            return None
        own, other = self.overlay, self.overlay_back
        here, new = own.evidence(own.spot_at(place.here)), other.evidence(other.spot_at(found))
        chances = [probability_new(each) for each in (here, new) if each.obstacle is None]
        if len(chances) < 2 or min(chances) < MORE_LIKELY:
            return None
        return replace(place, kind=Kind.GONE, there=there, confidence=min(chances))

    def _led(self, point: Point) -> Point:
        """Where the map leads from a point of the reference."""
        x, y = self.overlay.warp.points(np.array([[point.x, point.y]]))[0].tolist()
        return Point(x, y)

    def _missing(self, place: Place, match: Match) -> Place:
        """A mole that was not found: gone, or `cannot_tell` with the reason."""
        sure = match.confidence
        assert sure is not None  # noqa: S101 - as above
        place = replace(place, there=self._led(place.here), confidence=None)
        evidence = self.overlay.evidence(self.overlay.spot_at(place.here))
        absent = 1 - sure.probability if sure.absent is None else sure.absent
        # The search compares more than spots: where it is sure, none need vouch for the place.
        vouched = evidence.obstacle == NOT_VOUCHED and absent >= SURELY_ABSENT
        if evidence.obstacle is not None and not vouched:
            return replace(place, kind=Kind.CANNOT_TELL, reason=evidence.obstacle)
        if evidence.shown:
            reason = sure.reason or "a similar spot is there"
            return replace(place, kind=Kind.CANNOT_TELL, reason=f"not sure: {reason}")
        if evidence.beside:
            return replace(place, kind=Kind.CANNOT_TELL, reason=BESIDE)
        return replace(place, kind=Kind.GONE, confidence=float(absent))

    def _unknown(self, uuid: str, point: Point, reason: str) -> Place:
        return Place(
            Kind.CANNOT_TELL, self.reference, point, self.target, None, 0.0, uuid, reason=reason
        )

    def _ratios(self, point: Point, match: Match, diameter: float) -> dict[str, Ratio] | str:
        assert match.jacobian is not None  # noqa: S101 - `_mole` checked
        frame = Frame(MEASURED_SIDE, diameter / DISC)
        first = aligned_crop(self.comparer.photo(self.reference), point, frame)
        photo = self.comparer.photo(self.target)
        local, doubt = measuring_map(match.jacobian, self.overlay.warp, point, photo.size)
        other = aligned_crop(photo, match.best, frame, local)
        return compare(first, other, DISC / 2, doubt)
