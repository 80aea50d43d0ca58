"""Spots that can't be told from their darkness, but that the search finds."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mel_debug.changes.evidence import NOT_VOUCHED, OUT_OF_VIEW
from mel_debug.changes.found_again import HARDLY_NEW, SEARCHED, UNMARKED, without_found
from mel_debug.changes.places import Kind, Place
from mel_debug.core.geometry import Point
from mel_debug.core.photo import Photo
from mel_debug.core.types import Confidence

EARLIER, LATER = Path("a.png"), Path("b.png")


@dataclass(frozen=True)
class Answer:
    """The part of a match that counts here."""

    best: Point
    confidence: Confidence


@dataclass
class Searcher:
    """A comparer whose search says the same of each spot."""

    answer: Answer
    asked: list[str] = field(default_factory=list)

    def photo(self, _: Path) -> Photo:
        return Photo.of(np.zeros((50, 1000, 3), dtype=np.uint8))

    def unsearchable(self, *_: Any) -> None:
        return None

    def find(self, source: Path, points: dict[str, Point], target: Path) -> dict[str, Answer]:
        assert (source, target) == (LATER, EARLIER)
        self.asked = list(points)
        return dict.fromkeys(points, self.answer)


def spot(**more: Any) -> Place:
    place = Place(
        Kind.CANNOT_TELL, LATER, Point(30, 20), EARLIER, Point(40, 20), 9.0, is_new_spot=True
    )
    return replace(place, **{"reason": NOT_VOUCHED, **more})


def searcher(probability: float = 0.9, off: float = 0.0) -> Searcher:
    sure = Confidence(probability, 3.0, True, probability < 0.5, absent=0.0)
    return Searcher(Answer(Point(40 + off, 20), sure))


def left(places: list[Place], comparer: Searcher) -> list[Place]:
    return without_found([(1.0 / (1 + n), place) for n, place in enumerate(places)], comparer)  # type: ignore[arg-type]


def test_a_spot_that_the_search_finds_near_its_place_is_known() -> None:
    """Unsure answers, and those far from where the map leads, prove nothing."""
    assert left([spot()], searcher()) == []
    for comparer in (searcher(probability=0.4), searcher(off=31)):
        assert len(left([spot()], comparer)) == 1


def test_a_marked_spot_stays_and_says_that_it_was_there() -> None:
    """As its mark asks for an answer."""
    hardly = {"kind": Kind.NEW, "confidence": HARDLY_NEW - 0.05}
    assert left([spot(**hardly)], searcher()) == []
    for more in ({}, hardly):
        (place,) = left([spot(uuid="f" * 32, **more)], searcher(off=5))
        assert (place.kind, place.confidence) == (Kind.CANNOT_TELL, None)
        assert (place.reason, place.there) == (UNMARKED, Point(45, 20))


@pytest.mark.parametrize("more", [{"reason": OUT_OF_VIEW}, {"kind": Kind.NEW, "confidence": 0.9}])
def test_only_what_can_not_be_told_in_view_is_searched_for(more: dict[str, Any]) -> None:
    """The rest stays as it is."""
    place, comparer = spot(**more), searcher()
    assert left([place], comparer) == [place]
    assert comparer.asked == []


def test_a_surely_new_spot_is_searched_for_where_the_map_is_doubtful() -> None:
    """Where the map is off, a spot that was there looks new."""
    new = spot(kind=Kind.NEW, confidence=0.9, reason="", doubtful=True)
    assert left([new], searcher()) == []
    assert left([new], searcher(probability=0.1)) == [new]


def test_the_strongest_spots_are_searched_for() -> None:
    """The others stay listed: never silence."""
    comparer = searcher()
    assert len(left([spot() for _ in range(SEARCHED + 3)], comparer)) == 3
    assert comparer.asked == [str(number) for number in range(SEARCHED)]
