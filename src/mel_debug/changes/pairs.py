"""Changes between two photos: each marked mole, and each spot of the target."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mel_debug.changes.alignment import measuring_map
from mel_debug.changes.common_factor import without_common_factor
from mel_debug.changes.comparer import Comparer
from mel_debug.changes.crops import Frame, aligned_crop
from mel_debug.changes.evidence import NOT_VOUCHED
from mel_debug.changes.found_again import without_found
from mel_debug.changes.history import DISC, MEASURED_SIDE
from mel_debug.changes.new_spots import SURE, UNLIKELY, doubt_of_colour, probability_new
from mel_debug.changes.overlay import BESIDE as BESIDE_SHARE
from mel_debug.changes.overlay import Overlay
from mel_debug.changes.places import Kind, Place
from mel_debug.changes.ratios import Ratio, compare
from mel_debug.changes.sizes import spot_diameter
from mel_debug.changes.spots import Spot, is_lobe
from mel_debug.core.geometry import Point
from mel_debug.core.types import Match

GONE_SHARE = 0.6
"""Largest share of a mole's response that a photo without it shows there."""

SURELY_ABSENT = 0.85
"""Probability of a mole's absence from which its neighbours need not vouch for its place."""

SAME_PLACE = 0.6
"""Distance between two places, in diameters of the larger one, below which they are one spot."""

STANDS_OUT = 0.06
"""Least response of a spot without a counterpart that is listed as `cannot_tell`."""

BESIDE = "a similar spot lies beside it in the other photo, which may be the same one"

NO_MAP = "the photos share too little"


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
    forth = Overlay(photos[0], photos[1], there), Overlay(photos[1], photos[0], back)
    pair = _Pair(reference, target, comparer, rules, *forth)
    moles = pair.moles(marks, target_marks)
    return PairChanges(target, tuple(moles), tuple(pair.spots(moles, marks, target_marks)))


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    reference: Path
    target: Path
    comparer: Comparer
    rules: Rules
    overlay: Overlay
    overlay_back: Overlay

    def moles(self, marks: Mapping[str, Point], target_marks: Mapping[str, Point]) -> list[Place]:
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
        if len(chances) < 2 or min(chances) < SURE:
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
        if evidence.share > GONE_SHARE:
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

    def spots(
        self,
        moles: Sequence[Place],
        marks: Mapping[str, Point],
        target_marks: Mapping[str, Point],
    ) -> list[Place]:
        """Each spot of the target without a known counterpart in the reference."""
        overlay = self.overlay_back
        known = [m.there for m in moles if m.kind in (Kind.SAME, Kind.CHANGED) and m.there]
        own = {uuid: point for uuid, point in target_marks.items() if uuid not in marks}
        named = [(overlay.spot_at(point), uuid) for uuid, point in own.items()]
        found: list[tuple[Spot, Place]] = []
        for spot, uuid in [*named, *((spot, None) for spot in overlay.spots)]:
            point, diameter = overlay.point(spot), overlay.diameter(spot)
            if uuid is None and (
                diameter < self.rules.min_size_px
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
        overlay = self.overlay_back
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
            shown = evidence.share > GONE_SHARE  # so that it is no change, whatever the obstacle
            listed = uuid is not None or (spot.response > STANDS_OUT and not shown)
            return replace(place, reason=evidence.obstacle) if listed else None
        probability = probability_new(evidence)
        if probability < UNLIKELY and uuid is None:
            return None
        if evidence.beside:
            return replace(place, reason=BESIDE)
        odd = doubt_of_colour(evidence)
        if odd is not None and probability >= SURE:
            return replace(place, reason=odd)
        if probability < SURE:
            return replace(place, reason=f"not sure: new with a probability of {probability:.2f}")
        return replace(place, kind=Kind.NEW, confidence=probability)


def _is_near(point: Point, diameter: float, others: Iterable[Point]) -> bool:
    return any(point.distance_to(other) < SAME_PLACE * diameter for other in others)


def _without_lobes(listed: Sequence[tuple[Spot, Place]]) -> list[tuple[Spot, Place]]:
    """The spots without those that are a part of another one.

    Marked ones stay, and new ones that are a part of one that can't be told.
    """
    return [
        (spot, place)
        for spot, place in listed
        if place.uuid is not None
        or not any(
            is_lobe(spot, other)
            for other, whole in listed
            if whole.kind is Kind.NEW or place.kind is not Kind.NEW
        )
    ]
