"""Edits of marks: what each writes, and that a mark which has changed since is not overwritten."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mel_debug.core.geometry import Point
from mel_debug.files.marks import marks_path, read_moles
from mel_debug.marking.changing import edit_marks
from mel_debug.marking.edits import (
    Accept,
    Add,
    Edit,
    MarkChangedError,
    Move,
    Reject,
    Remove,
    Restore,
    Unsure,
)
from mel_debug.marking.marks import Mark, read_photo_marks
from mel_debug.marking.runs import Run, list_runs, read_run, run_path
from mel_debug.marking.undoing import undo_last_step, undo_run

GUESS = '{"uuid":"g1","x":10,"y":20,"is_uuid_canonical":false,"confidence":0.530,"caf\\u00e9":1e0}'
TRUE = '{"uuid":"c1","x":30,"y":40.0,"is_uuid_canonical":true}'
ORIGINAL = f"[ {GUESS},\n{TRUE}]"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo with a guessed and a canonical mark, in a layout that is not `mel`'s."""
    path = tmp_path / "a.jpg"
    path.touch()
    marks_path(path).write_text(ORIGINAL)
    return path


def seen(photo: Path, uuid: str) -> Mark:
    found = read_photo_marks(photo)
    return next(mark for mark in (*found.marks, *found.rejected) if mark.uuid == uuid)


def entries(photo: Path, stem: str | None = None) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads(marks_path(photo, stem).read_text())
    return loaded


def edit(photo: Path, *edits: Edit, run: Run | None = None) -> Run:
    run = Run("test") if run is None else run
    edit_marks(run, {photo: edits})
    return run


def test_a_mark_is_read_with_what_a_review_needs(photo: Path) -> None:
    assert seen(photo, "g1") == Mark("g1", Point(10.5, 20.5), False, 0.53)
    assert [mark.uuid for mark in read_photo_marks(photo).guessed] == ["g1"]


def test_accepting_changes_one_value_and_keeps_the_spelling_of_all_others(photo: Path) -> None:
    edit(photo, Accept(seen(photo, "g1")))
    text = marks_path(photo).read_text()
    assert entries(photo)[0] == json.loads(GUESS) | {"is_uuid_canonical": True}
    for spelled in ('"caf\\u00e9": 1e0', '"confidence": 0.530', '"y": 40.0'):
        assert spelled in text


def test_an_unsure_mark_stays_a_guess_and_is_remembered(photo: Path) -> None:
    edit(photo, Unsure(seen(photo, "g1")))
    assert seen(photo, "g1").is_unsure
    assert not seen(photo, "g1").is_canonical
    edit(photo, Accept(seen(photo, "g1")))
    assert "unsure" not in entries(photo)[0]


def test_a_rejected_mark_moves_to_its_own_file_and_back(photo: Path) -> None:
    edit(photo, Reject(seen(photo, "g1")))
    assert [mole.uuid for mole in read_moles(photo)] == ["c1"]
    assert entries(photo, "rejected") == [json.loads(GUESS)]
    edit(photo, Restore(seen(photo, "g1")), Accept(seen(photo, "g1")))
    assert [(mole.uuid, mole.is_canonical) for mole in read_moles(photo)] == [
        ("c1", True),
        ("g1", True),
    ]
    assert entries(photo, "rejected") == []


def test_marks_are_added_moved_and_removed(photo: Path) -> None:
    edit(photo, Add("new", Point(5.9, 6.1)))
    assert entries(photo)[-1] == {"uuid": "new", "x": 5, "y": 6, "is_uuid_canonical": True}
    edit(photo, Move(seen(photo, "new"), Point(7.5, 8.5)))
    assert seen(photo, "new").point == Point(7.5, 8.5)
    edit(photo, Remove(seen(photo, "new")))
    assert [mole.uuid for mole in read_moles(photo)] == ["g1", "c1"]


@pytest.mark.parametrize(
    "act",
    [Accept, Reject, Unsure, Remove, lambda mark: Move(mark, Point(1, 1))],
    ids=["accept", "reject", "unsure", "remove", "move"],
)
def test_a_mark_that_has_changed_since_it_was_seen_is_not_overwritten(
    photo: Path, act: Callable[[Mark], Edit]
) -> None:
    before = seen(photo, "g1")
    marks_path(photo).write_text(ORIGINAL.replace('"x":10', '"x":11'))
    with pytest.raises(MarkChangedError, match="changed by another program") as error:
        edit(photo, act(before))
    assert error.value.now == Mark("g1", Point(11.5, 20.5), False, 0.53)
    marks_path(photo).write_text(f"[{TRUE}]")
    with pytest.raises(MarkChangedError, match="not marked any more") as error:
        edit(photo, act(before))
    assert error.value.now is None
    assert not marks_path(photo, "rejected").exists()
    assert list(list_runs()) == []


def test_a_mole_is_not_marked_twice(photo: Path) -> None:
    with pytest.raises(MarkChangedError, match="already, at \\(30, 40\\)"):
        edit(photo, Add("c1", Point(1, 1)))


def test_the_edits_of_two_photos_are_one_step(photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.jpg"
    run = Run("find")
    edit_marks(run, {photo: [Add("m", Point(1, 2))], other: [Add("m", Point(3, 4))]})
    assert seen(photo, "m")
    assert seen(other, "m")
    undo_last_step(run)
    assert marks_path(photo).read_text() == ORIGINAL
    assert not marks_path(other).exists()


def test_if_one_photo_cannot_be_written_the_other_stays_as_it_is(
    photo: Path, tmp_path: Path
) -> None:
    other = tmp_path / "b.jpg"
    marks_path(other).write_text("[]")
    marks_path(other).chmod(0o444)
    with pytest.raises(Exception, match=r"b\.jpg\.json"):
        edit_marks(Run("find"), {photo: [Add("m", Point(1, 2))], other: [Add("m", Point(3, 4))]})
    assert marks_path(photo).read_text() == ORIGINAL


def test_steps_are_undone_one_after_the_other_and_then_the_rest_of_the_run(photo: Path) -> None:
    run = edit(photo, Accept(seen(photo, "g1")))
    first = marks_path(photo).read_bytes()
    edit(photo, Add("m", Point(1, 2)), run=run)
    edit(photo, Reject(seen(photo, "g1")), run=run)
    undo_last_step(run)
    undo_last_step(run)
    assert marks_path(photo).read_bytes() == first
    edit(photo, Move(seen(photo, "c1"), Point(1, 2)), run=run)
    assert run.number is not None
    result = undo_run(run.number)
    assert marks_path(photo).read_text() == ORIGINAL
    assert (result.own_marks, result.left) == ([], [])
    assert read_run(run.number).undone
    assert undo_last_step(run) is None


def test_a_run_that_changes_nothing_has_no_number(photo: Path) -> None:
    assert edit(photo).number is None
    assert list(list_runs()) == []


@pytest.mark.slow
def test_the_log_is_written_before_the_file(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []

    def killed(*_: object, **__: object) -> bool:
        logged.append(run_path(1).read_text())
        raise KeyboardInterrupt

    run = Run("review")
    with monkeypatch.context() as patched:
        patched.setattr("mel_debug.files.moles_file.replace_unchanged", killed)
        with pytest.raises(KeyboardInterrupt):
            edit(photo, Accept(seen(photo, "g1")), run=run)
    assert len(logged[0].splitlines()) == 2
    assert marks_path(photo).read_text() == ORIGINAL
