"""What a comparison of two sessions lists: what is gone, new or changed, or that it cannot tell."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from mel_debug.changes.crops import IDENTITY, LocalMap
from mel_debug.changes.evidence import OUT_OF_VIEW
from mel_debug.changes.ratios import Ratio
from mel_debug.core.geometry import Point


class Kind(StrEnum):
    """What is known of a place."""

    GONE = "gone"
    NEW = "new"
    CHANGED = "changed"
    CANNOT_TELL = "cannot_tell"
    SAME = "same"


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A mole or a spot in both sessions.

    `here` is its point in `photo`, and `there` the same place in `other`, None if unknown: for a
    mole, `photo` is the reference, and for a spot without a mark it is the target. `local` maps
    `photo` to `other` around it. `confidence` is the probability of `kind`; None for `CANNOT_TELL`.
    `diameter_px` is in pixels of `photo`. `ratios` are the measures of a mole over those in the
    reference, or the reason why there are none. `doubtful` is whether the map that says that a spot
    is new may be off by more than a few pixels.
    """

    kind: Kind
    photo: Path
    here: Point
    other: Path
    there: Point | None
    diameter_px: float
    uuid: str | None = None
    confidence: float | None = None
    reason: str = ""
    local: LocalMap = IDENTITY
    ratios: dict[str, Ratio] | str = ""
    is_new_spot: bool = False
    doubtful: bool = False

    @property
    def target(self) -> Path:
        """The photo of the target session."""
        return self.photo if self.is_new_spot else self.other

    @property
    def reference(self) -> Path:
        """The photo of the reference session."""
        return self.other if self.is_new_spot else self.photo

    @property
    def in_target(self) -> Point | None:
        return self.here if self.is_new_spot else self.there

    @property
    def in_reference(self) -> Point | None:
        return self.there if self.is_new_spot else self.here

    @property
    def doubt(self) -> float:
        """Higher for a less sure place, to list these first."""
        return 1.0 if self.confidence is None else 1 - self.confidence


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """The places of a comparison of two sessions, the least sure first within each kind."""

    places: tuple[Place, ...]
    problems: Mapping[Path, str] = field(default_factory=dict)

    def of(self, kind: Kind) -> list[Place]:
        return [place for place in self.places if place.kind is kind]


def least_sure_first(places: Iterable[Place]) -> tuple[Place, ...]:
    """Sorted by kind, then by doubt; marked moles come before spots, and what is in view first."""
    order = list(Kind)

    def key(place: Place) -> tuple[int, float, bool, bool]:
        unseen = place.reason == OUT_OF_VIEW
        return order.index(place.kind), -place.doubt, unseen, place.uuid is None

    return tuple(sorted(places, key=key))
