"""Laws of `mel-debug changes`, run as a command on painted skin."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mel_debug.files.marks import marks_path
from painted import (
    CORNERS,
    GONE,
    GROWN,
    NEW,
    PLACES,
    STAGES,
    STILL,
    painted_repository,
    painted_uuid,
    unmark,
)
from workbench import Outcome, run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("only_builtins")]

FIRST, SECOND, _ = CORNERS


def changes(reference: Path, target: Path, *more: str) -> Outcome:
    return run("changes", "--reference", str(reference), "--target", str(target), *STAGES, *more)


def listed(outcome: Outcome) -> dict[str, Any]:
    assert outcome.code == 0, outcome.stderr
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def uuids(places: list[dict[str, Any]]) -> set[str]:
    return {place["uuid"] for place in places}


def distance_to(place: dict[str, Any], number: int, day: str) -> float:
    left, top = CORNERS[day]
    disc = PLACES[number]
    return float(((place["x"] - disc.x + left) ** 2 + (place["y"] - disc.y + top) ** 2) ** 0.5)


def test_what_is_gone_new_and_grown_is_listed(tmp_path: Path) -> None:
    """Once, at its place, and nothing else; without a mark a spot is new all the same.

    The page and the table are written, and no file but the page.
    """
    photos = painted_repository(tmp_path)
    unmark(photos[SECOND])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    page = tmp_path / "changes.html"
    found = listed(changes(photos[FIRST], photos[SECOND], "--json", "--page", str(page)))
    assert uuids(found["gone"]) == {painted_uuid(GONE)}
    assert uuids(found["changed"]) == {painted_uuid(GROWN)}
    ratio = found["changed"][0]["ratios"]["diameter"]
    assert ratio["low"] <= 1.3 <= ratio["high"]
    (new,) = found["new"]
    assert new["uuid"] is None
    assert distance_to(new, NEW, SECOND) < 4
    assert 0.5 <= new["confidence"] <= 1
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    text = after.pop(page).decode()
    assert before == after
    assert "Content-Security-Policy" in text
    assert painted_uuid(GONE)[:8] in text


def test_a_photo_with_itself_has_not_changed(tmp_path: Path) -> None:
    """No list has a place in it, with marks or without."""
    photo = painted_repository(tmp_path)[FIRST]
    found = listed(changes(photo, photo, "--json"))
    assert [found[kind] for kind in ("gone", "new", "changed", "cannot_tell")] == [[], [], [], []]
    assert found["same"] == len(PLACES) - 1


def test_swapping_the_sessions_turns_new_into_gone(tmp_path: Path) -> None:
    """And gone into new."""
    photos = painted_repository(tmp_path)
    outcome = changes(photos[SECOND], photos[FIRST], "--csv")
    assert outcome.code == 0, outcome.stderr
    rows = list(csv.DictReader(io.StringIO(outcome.stdout)))
    kinds = {row["uuid"]: row["kind"] for row in rows}
    assert kinds[painted_uuid(NEW)] == "gone"
    assert kinds[painted_uuid(GONE)] == "new"
    assert painted_uuid(STILL) not in kinds


def test_scaling_both_photos_changes_no_ratio(tmp_path: Path) -> None:
    """Measures are relative, whatever the distance of the camera."""
    every = painted_repository(tmp_path)
    photos = [every[day] for day in (FIRST, SECOND)]
    few = (STILL, GROWN, GROWN - 1, STILL - 1)
    for photo in photos:
        unmark(photo, *(number for number in range(len(PLACES)) if number not in few))
    found = []
    for zoom in (1.0, 1.6):
        for photo in photos if zoom > 1 else ():
            picture = Image.open(photo)
            size = (round(picture.width * zoom), round(picture.height * zoom))
            picture.resize(size, Image.Resampling.BICUBIC).save(photo)
            marks = json.loads(marks_path(photo).read_text())
            scaled = [{**m, "x": round(m["x"] * zoom), "y": round(m["y"] * zoom)} for m in marks]
            marks_path(photo).write_text(json.dumps(scaled))
        page = listed(changes(photos[0], photos[1], "--json"))
        assert uuids(page["changed"]) == {painted_uuid(GROWN)}
        assert page["same"] == len(few) - 1
        found.append(page["changed"][0]["ratios"])
    one, other = found
    for name in ("diameter", "elongation", "colour"):
        assert other[name]["value"] == pytest.approx(one[name]["value"], rel=0.04)


def test_new_spots_are_marked_as_guesses(tmp_path: Path) -> None:
    """With a confidence; marks that are there stay."""
    photos = painted_repository(tmp_path)
    unmark(photos[SECOND], NEW)
    known = json.loads(marks_path(photos[SECOND]).read_text())
    outcome = changes(photos[FIRST], photos[SECOND], "--mark-new")
    assert outcome.code == 0, outcome.stderr
    *old, new = json.loads(marks_path(photos[SECOND]).read_text())
    assert old == known
    assert new["is_uuid_canonical"] is False
    assert 0.5 <= new["confidence"] <= 1
    assert distance_to({"x": new["x"] + 0.5, "y": new["y"] + 0.5}, NEW, SECOND) < 4


def test_errors_come_before_the_search(tmp_path: Path) -> None:
    """Each with what to try."""
    photos = painted_repository(tmp_path)
    first, second = photos[FIRST], photos[SECOND]
    assert changes(first, second, "--json", "--csv").code == 2
    assert "ends in .html" in changes(first, second, "--page", str(tmp_path / "a.txt")).stderr
    assert changes(first, second, "--page", str(first)).code == 2
    outcome = changes(first, second, "--matcher", "cosine")
    assert outcome.code == 2
    assert "--preset" in outcome.stderr
    other = tmp_path / "rotomaps" / "parts" / "Trunk" / "Front" / SECOND / "0.png"
    other.parent.mkdir(parents=True)
    other.write_bytes(second.read_bytes())
    assert "body part" in changes(first, other).stderr
