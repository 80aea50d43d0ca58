"""How said changes are scored against the truth of the marks files."""

from pathlib import Path
from typing import Any

import pytest

from mel_debug.changes.places import Changes, Kind, Place
from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.core.photo import Photo
from mel_debug.evaluation import change_scores
from mel_debug.evaluation.change_scores import score_changes, sessions_of
from mel_debug.files.marks import ABSENT, marks_path
from mel_debug.files.photos import read_photo
from painted import CORNERS, GONE, NEW, PLACES, STILL, painted_labels, painted_uuid

FIRST, SECOND, THIRD = CORNERS


class Opener:
    """The part of a comparer that scoring needs."""

    def photo(self, path: Path) -> Photo:
        return read_photo(path)


def place(kind: Kind, number: int, photos: dict[str, Path], *, new: bool = False) -> Place:
    left, top = CORNERS[SECOND] if new else CORNERS[FIRST]
    here = Point(PLACES[number].x - left, PLACES[number].y - top)
    photo, other = photos[SECOND if new else FIRST], photos[FIRST if new else SECOND]
    uuid = None if new else painted_uuid(number)
    return Place(kind, photo, here, other, None, 15.0, uuid, 0.9, is_new_spot=new)


@pytest.mark.slow
@pytest.mark.parametrize("right", [True, False])
def test_what_is_said_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: bool
) -> None:
    """What is new and gone is recognised; or a known spot is new and a mole that is there gone."""
    photos = painted_labels(tmp_path)
    said = [
        place(Kind.GONE if right else Kind.CANNOT_TELL, GONE, photos),
        place(Kind.SAME if right else Kind.GONE, STILL, photos),
        place(Kind.NEW, NEW if right else STILL, photos, new=True),
    ]

    def compare(*_: Any, **__: Any) -> Changes:
        return Changes(tuple(said))

    monkeypatch.setattr(change_scores, "compare_sessions", compare)
    scores = score_changes([(photos[FIRST], photos[SECOND])], Opener())  # type: ignore[arg-type]
    assert [case.listed for case in scores.new] == [Kind.NEW if right else None]
    assert [case.listed for case in scores.gone] == [Kind.GONE if right else Kind.CANNOT_TELL]
    assert sum(case.listed is Kind.GONE for case in scores.there) == (0 if right else 1)
    assert len(scores.false_new) == (0 if right else 1)
    assert len(scores.misses()) == (0 if right else 4)
    text = "\n".join(scores.lines())
    assert f"false new spots a pair: {scores.false_new_a_pair:.2f}" in text


@pytest.mark.slow
def test_successive_sessions_are_compared(tmp_path: Path) -> None:
    """Each photo with the next one of its body part; photos without labels play no part."""
    photos = painted_labels(tmp_path)
    assert sessions_of([tmp_path]) == [
        (photos[FIRST], photos[SECOND]),
        (photos[SECOND], photos[THIRD]),
    ]
    for photo in list(photos.values())[1:]:
        for stem in (None, ABSENT):
            marks_path(photo, stem).unlink(missing_ok=True)
    with pytest.raises(MelError, match="two sessions"):
        sessions_of([tmp_path])
