"""`mark`, `unmark`, `review`, `runs` and `undo`, without the page."""

import json
from pathlib import Path
from typing import Any

import pytest

from mel_debug.files.marks import marks_path, read_moles
from workbench import MOLE, OTHER_MOLE, run, save, skin

pytestmark = pytest.mark.usefixtures("only_builtins")

GUESSES = [
    {"uuid": "a" * 32, "x": 1, "y": 2, "is_uuid_canonical": False, "confidence": 0.97},
    {"uuid": "b" * 32, "x": 3, "y": 4, "is_uuid_canonical": False, "confidence": 0.6},
    {"uuid": "c" * 32, "x": 5, "y": 6, "is_uuid_canonical": False, "confidence": 0.2},
    {"uuid": "d" * 32, "x": 7, "y": 8, "is_uuid_canonical": False},
    {"uuid": "e" * 32, "x": 9, "y": 9, "is_uuid_canonical": True, "confidence": 0.1},
]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save(skin(32, 24), tmp_path / "photo.jpg")


def guessed(photo: Path, entries: list[dict[str, Any]] = GUESSES) -> bytes:
    marks_path(photo).write_text(json.dumps(entries))
    return marks_path(photo).read_bytes()


def test_a_mark_is_canonical_and_its_new_uuid_is_printed(photo: Path) -> None:
    uuid = run("mark", str(photo), "--at", "3,4").stdout.strip()
    assert [(m.uuid, m.point.pixel, m.is_canonical) for m in read_moles(photo)] == [
        (uuid, (3, 4), True)
    ]
    assert len(uuid) == 32


def test_a_mole_of_another_photo_is_marked_under_its_uuid(photo: Path) -> None:
    outcome = run("mark", str(photo), "--at", "3.5,4", "--uuid", MOLE)
    assert outcome.stdout.strip() == MOLE
    again = run("mark", str(photo), "--at", "9,9", "--uuid", MOLE)
    assert again.code == 1
    assert "already, at (3, 4)" in again.error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--at", "32,4"], "(32, 4) is outside"),
        (["--at", "-1,4"], "(-1, 4) is outside"),
        (["--at", "4"], "write X,Y"),
        (["--at", "nan,4"], "not a place"),
        (["--at", "1,2", "--uuid", MOLE[:6]], "not a uuid of 32"),
        ([], "Missing option '--at'"),
    ],
)
def test_a_wrong_place_or_name_is_refused(photo: Path, arguments: list[str], message: str) -> None:
    outcome = run("mark", str(photo), *arguments)
    assert outcome.code == 2
    assert message in outcome.error
    assert not marks_path(photo).exists()


def test_unmark_removes_one_mark_and_undo_brings_it_back(photo: Path) -> None:
    before = guessed(photo)
    assert run("unmark", str(photo), "b" * 6).code == 0
    assert "b" * 32 not in {mole.uuid for mole in read_moles(photo)}
    assert run("undo").code == 0
    assert marks_path(photo).read_bytes() == before
    assert run("unmark", str(photo), OTHER_MOLE).code == 1


def test_a_review_by_confidence_accepts_rejects_and_leaves_the_rest(photo: Path) -> None:
    before = guessed(photo)
    arguments = ("review", str(photo.parent), "--accept-above", "0.9", "--reject-below", "0.5")
    outcome = run(*arguments, "--json")
    (row,) = outcome.report["photos"]
    assert (row["accepted"], row["rejected"]) == (["a" * 32], ["c" * 32])
    assert row["left"] == ["b" * 32, "d" * 32]
    canonical = {mole.uuid[0]: mole.is_canonical for mole in read_moles(photo)}
    assert canonical == {"a": True, "b": False, "d": False, "e": True}
    assert json.loads(marks_path(photo, "rejected").read_text()) == [GUESSES[2]]
    assert f"mel-debug undo {outcome.report['run']}" in outcome.stderr

    assert run("undo", str(outcome.report["run"])).code == 0
    assert marks_path(photo).read_bytes() == before
    assert not marks_path(photo, "rejected").exists()


def test_a_second_review_changes_nothing_and_has_no_number(photo: Path) -> None:
    guessed(photo)
    for arguments in (("--accept-above", "0.9"), ("--accept-above", "0.9")):
        outcome = run("review", str(photo), *arguments, "--json")
    assert outcome.report["run"] is None
    assert len(run("runs", "--json").stdout and json.loads(run("runs", "--json").stdout)) == 1


def test_a_photo_that_cannot_be_reviewed_does_not_stop_the_others(photo: Path) -> None:
    guessed(photo)
    bad = save(skin(8, 8), photo.with_name("bad.jpg"))
    marks_path(bad).write_text("[{")
    outcome = run("review", str(photo.parent), "--accept-above", "0.9")
    assert outcome.code == 1
    assert "bad.jpg.json" in outcome.stderr
    assert {m.uuid[0] for m in read_moles(photo) if m.is_canonical} == {"a", "e"}


def test_thresholds_that_contradict_each_other_are_refused(photo: Path) -> None:
    guessed(photo)
    outcome = run("review", str(photo), "--accept-above", "0.3", "--reject-below", "0.4")
    assert outcome.code == 2
    assert "--reject-below 0.4 is above --accept-above 0.3" in outcome.error


def test_runs_are_listed_latest_first_with_what_they_changed(photo: Path) -> None:
    assert "no run" in run("runs").stderr
    run("mark", str(photo), "--at", "3,4")
    run("mark", str(photo), "--at", "9,9")
    assert run("undo", "1").code == 0
    latest, first = run("runs").stdout.splitlines()
    assert latest.split()[0] == "2"
    assert str(marks_path(photo)) in latest
    assert first.split()[0] == "1"
    assert first.endswith("undone")


def test_an_undo_names_marks_that_were_changed_since(photo: Path) -> None:
    uuid = run("mark", str(photo), "--at", "3,4").stdout.strip()
    moved = marks_path(photo).read_text().replace('"x": 3', '"x": 8')
    marks_path(photo).write_text(moved)
    outcome = run("undo")
    assert outcome.code == 1
    assert f"mole {uuid} was changed since" in outcome.stderr
    assert marks_path(photo).read_text() == moved
    assert "undone already" in run("undo", "1").error


def test_moles_searches_folders_for_photos_with_marks(photo: Path) -> None:
    save(skin(8, 8), photo.with_name("unmarked.jpg"))
    guessed(photo)
    outcome = run("moles", str(photo.parent), "--json")
    assert outcome.code == 0
    assert {row["photo"] for row in json.loads(outcome.stdout)} == {str(photo)}
