"""Laws of the routes: photos by number, marks with the state that was seen, undo to the byte."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from asgi import Answer, ask
from mel_debug.files.marks import read_moles
from mel_debug.marking.runs import Run, list_runs
from mel_debug.marking.undoing import undo_run
from mel_debug.page.album import TILE, Album
from mel_debug.page.finding import PageFinder, run_of
from mel_debug.page.guard import App
from mel_debug.page.marking import Marking
from mel_debug.page.routes import Routes
from mel_debug.page.worker import Worker
from workbench import MOLE, OTHER_MOLE, mark, save, skin


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Two photos; the first has a canonical mark, the second none."""
    paths = [save(skin(300, 200, seed=n), tmp_path / f"{n}.png") for n in range(2)]
    mark(paths[0], (MOLE, 150, 140))
    return paths


def app_of(photos: list[Path], *, read_only: bool = False) -> App:
    album = Album(photos)
    finder = PageFinder(run_of({"extractor": "xfeat"}), album)
    marking = Marking(album, Run("explore"), read_only)
    return Routes(album, finder, Worker(), marking, {"readOnly": read_only}).app()


def post(app: App, target: str, value: Any) -> Answer:
    return ask(app, target, method="POST", body=json.dumps(value).encode())


def pixels_of(answer: Answer) -> np.ndarray[Any, Any]:
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "image/jpeg"
    return np.asarray(Image.open(io.BytesIO(answer.body)))


def guess(photo: Path, uuid: str, x: int, y: int, confidence: float) -> None:
    """Mark a mole as `automark3` does."""
    entry = {"uuid": uuid, "x": x, "y": y, "is_uuid_canonical": False, "confidence": confidence}
    Path(f"{photo}.json").write_text(json.dumps([entry]))


def marks_in(answer: Answer, photo: int) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.body
    marks: list[dict[str, Any]] = answer.json["photos"][str(photo)]["marks"]
    return marks


def test_photos_are_named_by_number(photos: list[Path]) -> None:
    app = app_of(photos)
    album = ask(app, "/api/album").json
    assert [(each["number"], each["name"]) for each in album["photos"]] == [
        (0, "0.png"),
        (1, "1.png"),
    ]
    assert album["photos"][0]["width"], album["photos"][0]["height"] == (300, 200)
    assert pixels_of(ask(app, "/api/photos/0/preview.jpg")).shape == (200, 300, 3)


@pytest.mark.parametrize(
    "target",
    [
        "/api/photos/2/preview.jpg",
        "/api/photos/-1/preview.jpg",
        "/api/photos/0.png/preview.jpg",
        "/api/photos/%2e%2e/preview.jpg",
        "/api/photos/0/tiles/0/5/0.jpg",
        "/api/photos/0/tiles/99/0/0.jpg",
        "/api/photos/0/region.jpg?x=0&y=0&width=100000&height=5",
        "/api/photos/0/region.jpg?x=0&y=0&width=0&height=5",
        "/api/photos/0/region.jpg?x=a&y=0&width=5&height=5",
        "/api/maps/0/9",
        "/static/../opening.py",
        "/static/%2e%2e%2fopening.py",
        "/static/jsconfig.json",
        "/static/nothing.js",
        "/0.png",
    ],
)
def test_what_is_not_a_photo_of_the_page_is_not_there(photos: list[Path], target: str) -> None:
    answer = ask(app_of(photos), target)
    assert answer.status in (400, 404)
    assert b"Traceback" not in answer.body


@pytest.mark.slow
def test_a_tile_shows_the_photo_pixel_by_pixel(tmp_path: Path) -> None:
    picture = np.asarray(Image.fromarray(skin(110, 70)).resize((1100, 700)))
    app = app_of([save(picture, tmp_path / "a.png")])
    tile = pixels_of(ask(app, "/api/photos/0/tiles/0/1/1.jpg"))
    expected = picture[TILE:700, TILE : 2 * TILE]
    assert tile.shape == expected.shape
    assert np.abs(tile.astype(int) - expected).mean() < 3
    half = pixels_of(ask(app, "/api/photos/0/tiles/1/0/0.jpg"))
    assert half.shape == (350, 512, 3)


def test_a_region_is_the_photo_there_and_grey_beyond(photos: list[Path]) -> None:
    app = app_of(photos)
    region = pixels_of(ask(app, "/api/photos/0/region.jpg?x=-20&y=10&width=60&height=40"))
    assert region.shape == (40, 60, 3)
    assert np.abs(region[:, :16].astype(int) - 128).max() < 12
    shown = np.asarray(Image.open(photos[0]))[10:50, :40]
    assert np.abs(region[:, 20:].astype(int) - shown).mean() < 8


def test_a_new_mole_is_marked_in_both_photos_and_undone_to_the_byte(photos: list[Path]) -> None:
    app = app_of(photos)
    before = [Path(f"{photo}.json") for photo in photos]
    first = before[0].read_bytes()
    places = [{"photo": 0, "x": 20.4, "y": 30.9}, {"photo": 1, "x": 40, "y": 50.5}]
    saved = post(app, "/api/marks/add", {"places": places, "uuid": None})
    (new,) = [each for each in marks_in(saved, 0) if each["uuid"] != MOLE]
    assert (new["x"], new["y"], new["outcome"]) == (20.5, 30.5, "accepted")
    assert [mole.uuid for mole in read_moles(photos[1])] == [new["uuid"]]
    assert saved.json["undo"] == f"mark {new['uuid'][:8]}"
    undone = post(app, "/api/marks/undo", {})
    assert undone.json["undo"] is None
    assert before[0].read_bytes() == first
    assert not before[1].exists()
    assert post(app, "/api/marks/undo", {}).status == 400


def test_a_mark_can_be_judged_moved_and_every_step_undone(photos: list[Path]) -> None:
    guess(photos[1], OTHER_MOLE, 100, 90, 0.4)
    file = Path(f"{photos[1]}.json")
    contents, outcomes = [file.read_bytes()], ["open"]
    app = app_of(photos)
    for verdict in ("unsure", "accept", "reject", "accept", "move"):
        (seen,) = marks_in(ask(app, "/api/marks"), 1)
        asked = {"photo": 1, "seen": seen, "verdict": verdict, "x": 33.2, "y": 44.4}
        done = post(app, f"/api/marks/{'move' if verdict == 'move' else 'judge'}", asked)
        (now,) = marks_in(done, 1)
        assert now["confidence"] == 0.4
        outcomes.append(now["outcome"])
        contents.append(file.read_bytes())
    assert outcomes == ["open", "unsure", "accepted", "rejected", "accepted", "accepted"]
    assert (now["x"], now["y"]) == (33.5, 44.5)
    for content, outcome in list(zip(contents, outcomes, strict=True))[-2::-1]:
        (now,) = marks_in(post(app, "/api/marks/undo", {}), 1)
        assert now["outcome"] == outcome
        assert file.read_bytes() == content


def test_what_someone_else_changed_is_shown_and_not_overwritten(photos: list[Path]) -> None:
    """Two pages on one file: the second one's judgement is about what is no longer there."""
    guess(photos[1], OTHER_MOLE, 100, 90, 0.4)
    one, other = app_of(photos), app_of(photos)
    (seen,) = marks_in(ask(one, "/api/marks"), 1)
    moved = post(one, "/api/marks/move", {"photo": 1, "seen": seen, "x": 7, "y": 8})
    content = Path(f"{photos[1]}.json").read_bytes()
    refused = post(other, "/api/marks/judge", {"photo": 1, "seen": seen, "verdict": "accept"})
    assert refused.status == 409
    assert "changed by another program" in refused.json["error"]
    assert refused.json["marks"]["photos"]["1"] == moved.json["photos"]["1"]
    assert Path(f"{photos[1]}.json").read_bytes() == content


def test_a_read_only_page_changes_nothing(photos: list[Path]) -> None:
    guess(photos[1], OTHER_MOLE, 100, 90, 0.4)
    app = app_of(photos, read_only=True)
    contents = {path: path.read_bytes() for path in photos[0].parent.iterdir()}
    (seen,) = marks_in(ask(app, "/api/marks"), 1)
    for what in ("add", "judge", "move", "undo"):
        asked = {"photo": 1, "seen": seen, "verdict": "accept", "x": 3, "y": 4}
        asked["places"] = [{"photo": 1, "x": 3, "y": 4}]
        assert post(app, f"/api/marks/{what}", asked).status == 403
    assert {path: path.read_bytes() for path in photos[0].parent.iterdir()} == contents


@pytest.mark.parametrize(
    ("what", "asked"),
    [
        ("add", {}),
        ("add", {"places": []}),
        ("add", {"places": [7]}),
        ("add", {"places": [{"photo": 0, "x": 1}]}),
        ("add", {"places": [{"photo": 0, "x": 1, "y": 5000}]}),
        ("add", {"places": [{"photo": "0", "x": 1, "y": 1}]}),
        ("add", {"places": [{"photo": 9, "x": 1, "y": 1}]}),
        ("add", {"places": [{"photo": 0, "x": float("nan"), "y": 1}]}),
        ("add", {"places": [{"photo": 0, "x": 1, "y": 1}], "uuid": "x" * 999}),
        ("judge", {"photo": 0}),
        ("judge", {"photo": 0, "verdict": "accept"}),
        ("judge", {"photo": 0, "verdict": "burn", "seen": {"uuid": MOLE, "x": 1, "y": 1}}),
        ("move", {"photo": 0, "x": 1, "y": 1, "seen": "all of it"}),
        ("judge", ["accept"]),
    ],
)
def test_a_request_that_makes_no_sense_is_an_error_and_changes_nothing(
    photos: list[Path], what: str, asked: Any
) -> None:
    content = Path(f"{photos[0]}.json").read_bytes()
    answer = post(app_of(photos), f"/api/marks/{what}", asked)
    assert answer.status in (400, 409)
    assert answer.json["error"]
    assert Path(f"{photos[0]}.json").read_bytes() == content
    assert not Path(f"{photos[1]}.json").exists()


def test_changes_of_a_page_that_crashed_can_be_undone(photos: list[Path]) -> None:
    """The log is on disk before the marks are."""
    content = Path(f"{photos[0]}.json").read_bytes()
    places = [{"photo": n, "x": 20, "y": 30} for n in range(2)]
    post(app_of(photos), "/api/marks/add", {"places": places})
    (run,) = list_runs()
    assert run.command == "explore"
    undo_run(run.number)
    assert Path(f"{photos[0]}.json").read_bytes() == content
    assert not Path(f"{photos[1]}.json").exists()


def test_a_damaged_marks_file_is_named_and_the_rest_is_shown(photos: list[Path]) -> None:
    Path(f"{photos[1]}.json").write_text("{")
    answer = ask(app_of(photos), "/api/marks")
    assert len(marks_in(answer, 0)) == 1
    assert "1.png.json" in answer.json["photos"]["1"]["error"]
