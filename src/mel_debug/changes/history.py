"""One mole through all sessions: its place, its aligned crop and its measures in each photo."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from mel_debug.changes.alignment import measuring_map
from mel_debug.changes.comparer import Comparer
from mel_debug.changes.crops import IDENTITY, Crop, Frame, LocalMap, aligned_crop
from mel_debug.changes.dated_photos import DatedPhoto, Tick
from mel_debug.changes.measures import Measures, measure
from mel_debug.changes.overlay import MOST_STD
from mel_debug.changes.ratios import Ratio, compare
from mel_debug.changes.sizes import spot_diameter
from mel_debug.changes.spots import SIDE
from mel_debug.core.errors import MelError, text_of
from mel_debug.core.geometry import Point
from mel_debug.core.types import Confidence, Match
from mel_debug.files.dates import PhotoDate

DISC = 24
"""Diameter of the mole in the crop that is measured, in pixels of the crop."""

MEASURED_SIDE = 96
"""Side of the crop that is measured: four diameters."""

SHOWN_SIDE, SHOWN_DIAMETERS = 320, 8.0
"""Side of the crop that is shown, in pixels and in diameters of the mole."""

SAME_SPOT = 1.0
"""Diameters between a mark and where the search leads, up to which they are one spot."""


MAP_UNKNOWN = "the photos do not fit together there, so its place is not known"

OUTSIDE = "its place is outside the photo"


class Status(StrEnum):
    """How the place of a mole in a photo is known."""

    MARKED = "marked"
    FOUND = "found"
    UNSURE = "not sure"
    NOT_FOUND = "not found"
    FAILED = "not compared"


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """A mole in one photo.

    `place` is in pixels of the photo; for `NOT_FOUND` it is where the mole should be. `shown` is
    the crop to look at. `ratios` are its measures over those of the first photo, or the reason why
    they are unknown. `problem` says why a photo was not compared. `note` is for the reader.
    """

    photo: Path
    date: PhotoDate
    status: Status
    place: Point | None = None
    local: LocalMap | None = None
    confidence: Confidence | None = None
    shown: Crop | None = None
    ratios: dict[str, Ratio] | str = ""
    problem: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """A mole through sessions, in the order of their dates.

    `first` is the oldest photo that marks it, to which all others are aligned. `diameter_px` is the
    mole's diameter there. `measures` are those of the first photo, or the reason why there are
    none.
    """

    uuid: str
    first: Path
    diameter_px: float
    measures: Measures | str
    moments: tuple[Moment, ...]

    @property
    def radius(self) -> float:
        """The mole's radius in pixels of the crops that are shown."""
        return SHOWN_SIDE / SHOWN_DIAMETERS / 2


def follow(
    uuid: str, dated: Sequence[DatedPhoto], comparer: Comparer, tick: Tick = lambda items, _: items
) -> History:
    """Follow a mole through photos that are sorted by date, at least one of which marks it.

    A photo that can't be used becomes a moment with the problem. Raises MelError if that is the
    first one that marks the mole.
    """
    first = next(each for each in dated if each.mark is not None)
    assert first.mark is not None  # noqa: S101 - for the type checker
    reason = comparer.unsearchable(uuid, first.photo, first.mark)
    if reason is not None:
        raise MelError(f"{reason}; correct the mark, or leave this photo out")
    follower = _Follower(uuid, comparer, first.photo, first.mark)
    moments = []
    for each in tick(dated, "photos"):
        if each.problem is not None:
            moments.append(Moment(each.photo, each.date, Status.FAILED, problem=each.problem))
            continue
        try:
            moments.append(follower.moment(each))
        except Exception as error:  # noqa: BLE001 - one bad photo must not stop the others
            moments.append(Moment(each.photo, each.date, Status.FAILED, problem=text_of(error)))
    return History(uuid, first.photo, follower.diameter, follower.measured, tuple(moments))


class _Follower:
    """Aligns photos to the first one that marks a mole."""

    def __init__(self, uuid: str, comparer: Comparer, first: Path, mark: Point) -> None:
        self.uuid, self.comparer, self.first, self.mark = uuid, comparer, first, mark
        photo = comparer.photo(first)
        self.diameter = spot_diameter(photo, mark)
        self.frame = Frame(MEASURED_SIDE, self.diameter / DISC)
        self.shown = Frame(SHOWN_SIDE, SHOWN_DIAMETERS * self.diameter / SHOWN_SIDE)
        self.reference = aligned_crop(photo, mark, self.frame)
        self.measured = measure(self.reference, DISC / 2)

    def moment(self, dated: DatedPhoto) -> Moment:
        """The mole in one photo."""
        if dated.photo == self.first:
            return self._seen(dated, Status.MARKED, self.mark, IDENTITY)
        match = self.comparer.find(self.first, {self.uuid: self.mark}, dated.photo)[self.uuid]
        sure = match.confidence
        assert sure is not None  # noqa: S101 - the comparer has a judge
        if dated.mark is not None:
            return self._marked(dated, dated.mark, match)
        if match.jacobian is None:
            return Moment(
                dated.photo,
                dated.date,
                Status.FAILED,
                confidence=sure,
                problem="the photos share too little to align it",
            )
        status = Status.UNSURE if sure.uncertain else Status.FOUND
        if not sure.probably_absent:
            return self._seen(dated, status, match.best, match.jacobian, sure)
        return self._expected(dated, match, sure)

    def _expected(self, dated: DatedPhoto, match: Match, sure: Confidence) -> Moment:
        """A mole that was not found: the place where it should be."""
        place, local = match.best, match.jacobian
        warp = self.comparer.photo_map(self.first, dated.photo)
        if warp is not None:
            at = np.array([[self.mark.x, self.mark.y]])
            x, y = warp.points(at)[0].tolist()
            (xx, xy), (yx, yy) = warp.jacobians(at)[0].tolist()
            size = self.comparer.photo(dated.photo).size
            reason = None
            if float(warp.std_px(at)[0]) > MOST_STD / SIDE * size.longest:
                reason = MAP_UNKNOWN
            elif not (0 <= x < size.width and 0 <= y < size.height):
                reason = OUTSIDE
            if reason is not None:
                return Moment(
                    dated.photo, dated.date, Status.NOT_FOUND, confidence=sure, ratios=reason
                )
            place, local = Point(x, y), ((xx, xy), (yx, yy))
        assert local is not None  # noqa: S101 - `moment` returns before
        return self._seen(dated, Status.NOT_FOUND, place, local, sure)

    def _marked(self, dated: DatedPhoto, mark: Point, match: Match) -> Moment:
        """A marked mole, at the exact place near the mark where the search leads."""
        sure, local = match.confidence, match.jacobian
        if local is None:
            return self._seen(
                dated,
                Status.MARKED,
                mark,
                IDENTITY,
                note="not aligned: the photos share too little",
            )
        scale = float(abs(np.linalg.det(np.array(local))) ** 0.5)
        near = mark.distance_to(match.best) <= SAME_SPOT * self.diameter * scale
        note = None if near else "the search leads elsewhere; shown at the mark"
        place = match.best if near else mark
        return self._seen(dated, Status.MARKED, place, local, sure, note=note)

    def _seen(
        self,
        dated: DatedPhoto,
        status: Status,
        place: Point,
        local: LocalMap,
        sure: Confidence | None = None,
        *,
        note: str | None = None,
    ) -> Moment:
        photo = self.comparer.photo(dated.photo)
        shown = aligned_crop(photo, place, self.shown, local)
        return Moment(
            dated.photo,
            dated.date,
            status,
            place,
            local,
            sure,
            shown,
            self._ratios(dated.photo, status, place, local),
            note=note,
        )

    def _ratios(
        self, path: Path, status: Status, place: Point, local: LocalMap
    ) -> dict[str, Ratio] | str:
        if path == self.first:
            return {}
        if status is Status.NOT_FOUND:
            return "not found"
        # The search has just made the map of these two photos, which the matcher keeps.
        warp = self.comparer.photo_map(self.first, path)
        if warp is None:
            return "not aligned: the photos share too little"
        photo = self.comparer.photo(path)
        sized, doubt = measuring_map(local, warp, self.mark, photo.size)
        crop = aligned_crop(photo, place, self.frame, sized)
        return compare(self.reference, crop, DISC / 2, doubt)
