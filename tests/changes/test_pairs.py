"""What a pair of photos with a known map says of moles that the search finds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mel_debug.changes.pairs import Rules, compare_pair
from mel_debug.changes.places import Kind
from mel_debug.core.geometry import Point
from mel_debug.core.photo import Photo
from mel_debug.core.types import Confidence
from painted import Disc, Shifted, painted

COMMON = [
    Disc(60 + 90 * column + 13 * row, 50 + 85 * row, 11 + 2 * ((column + row) % 4), 0.45)
    for row in range(4)
    for column in range(6)
]
OLD, FRESH = Disc(330.0, 190.0, 16.0, 0.5), Disc(352.0, 200.0, 16.0, 0.5)
EARLIER, LATER = Path("a.png"), Path("b.png")


SURE = Confidence(0.8, 3.0, True, uncertain=False, absent=0.1)


@dataclass
class Finder:
    """A comparer whose search is sure of one place, right or wrong."""

    photos: dict[Path, Photo]
    place: Point

    def photo(self, path: Path) -> Photo:
        return self.photos[path]

    def photo_map(self, *_: Path) -> Shifted:
        return Shifted()

    def unsearchable(self, *_: Any) -> None:
        return None

    def find(self, _: Path, points: dict[str, Point], __: Path) -> dict[str, Any]:
        return dict.fromkeys(points, Answer(self.place))


@dataclass(frozen=True)
class Answer:
    """The part of a match that counts here."""

    best: Point
    confidence: Confidence = SURE
    jacobian: Any = ((1.0, 0.0), (0.0, 1.0))


@pytest.mark.slow
@pytest.mark.parametrize("moved", [False, True])
def test_a_new_mole_beside_a_gone_one_is_not_taken_for_it(moved: bool) -> None:
    """If the map is sure that one place is bare and the other new; one that is there stays."""
    after = FRESH if moved else OLD
    photos = {
        EARLIER: Photo.of(painted(640, 400, [*COMMON, OLD])),
        LATER: Photo.of(painted(640, 400, [*COMMON, after], seed=1)),
    }
    finder = Finder(photos, Point(after.x, after.y))
    marks = {"f" * 32: Point(OLD.x, OLD.y)}
    found = compare_pair(EARLIER, LATER, marks, {}, finder, Rules())  # type: ignore[arg-type]
    (mole,) = found.moles
    assert mole.kind is (Kind.GONE if moved else Kind.SAME)
    assert mole.there is not None
    assert np.hypot(mole.there.x - OLD.x, mole.there.y - OLD.y) < 1
    news = [spot.here for spot in found.spots if spot.kind is Kind.NEW]
    assert len(news) == int(moved)


@pytest.mark.slow
def test_the_lobes_of_a_new_mole_are_no_other_moles() -> None:
    """One mole is listed once, whatever its outline."""
    lobes = [Disc(OLD.x + x, OLD.y + y, 11, 0.3) for x, y in ((27, 3), (-20, 21), (2, -28))]
    photos = {
        EARLIER: Photo.of(painted(640, 400, COMMON)),
        LATER: Photo.of(painted(640, 400, [*COMMON, Disc(OLD.x, OLD.y, 46, 0.5), *lobes], seed=1)),
    }
    nowhere = Finder(photos, Point(0.0, 0.0))
    found = compare_pair(EARLIER, LATER, {}, {}, nowhere, Rules())  # type: ignore[arg-type]
    (mole,) = (spot for spot in found.spots if spot.kind is Kind.NEW)
    assert mole.here.distance_to(Point(OLD.x, OLD.y)) < 6
