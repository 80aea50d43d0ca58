"""Undo: to the byte where nothing else has changed a file, else the run's own marks only."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mel_debug.core.errors import MelError, UsageError
from mel_debug.core.geometry import Point
from mel_debug.files.append_marks import NewMark
from mel_debug.files.marks import marks_path, read_moles, read_moles_if_any
from mel_debug.marking.changing import append_found, edit_marks
from mel_debug.marking.edits import Accept, Add, Edit, Move, Reject, Remove, Unsure
from mel_debug.marking.marks import Mark, read_photo_marks
from mel_debug.marking.runs import Run, list_runs, read_run, run_path
from mel_debug.marking.undoing import Left, undo_last_step, undo_run

MARKS = [
    {"uuid": "g1", "x": 10, "y": 20, "is_uuid_canonical": False, "confidence": 0.53},
    {"uuid": "c1", "x": 30, "y": 40, "is_uuid_canonical": True, "note": "keep"},
]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.touch()
    marks_path(path).write_text(json.dumps(MARKS))
    return path


def seen(photo: Path, uuid: str) -> Mark:
    return next(mark for mark in read_photo_marks(photo).marks if mark.uuid == uuid)


def edit(photo: Path, *edits: Edit, command: str = "test") -> int:
    run = Run(command)
    edit_marks(run, {photo: edits})
    assert run.number is not None
    return run.number


def places(photo: Path) -> dict[str, tuple[int, int]]:
    return {mole.uuid: mole.point.pixel for mole in read_moles(photo)}


def found(uuid: str, at: int) -> NewMark:
    return NewMark(uuid, Point(at + 0.5, 0.5), 0.9)


def test_a_file_that_a_run_created_is_removed(tmp_path: Path) -> None:
    photo = tmp_path / "new.jpg"
    run = Run("automark3")
    append_found(run, photo, [found("m", 1)], apart_px=0)
    result = undo_run()
    assert result.run.number == run.number
    assert result.restored == [marks_path(photo).resolve()]
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_marks_of_others_stay_and_the_runs_own_go(photo: Path) -> None:
    run = edit(photo, Add("mine", Point(1, 2)), Accept(seen(photo, "g1")))
    edit(photo, Add("later", Point(5, 6)), Move(seen(photo, "c1"), Point(7, 8)))
    result = undo_run(run)
    assert places(photo) == {"g1": (10, 20), "c1": (7, 8), "later": (5, 6)}
    assert not seen(photo, "g1").is_canonical
    assert result.own_marks == [marks_path(photo).resolve()]
    assert (result.restored, result.left) == ([], [])


def test_a_mark_that_was_changed_since_stays_as_it_is(photo: Path) -> None:
    run = edit(photo, Add("mine", Point(1, 2)), Add("other", Point(3, 4)))
    edit(photo, Move(seen(photo, "mine"), Point(9, 9)))
    result = undo_run(run)
    assert result.left == [Left(marks_path(photo).resolve(), "mine")]
    assert places(photo)["mine"] == (9, 9)
    assert "other" not in places(photo)


def test_a_rejected_mark_that_was_marked_again_since_is_not_doubled(photo: Path) -> None:
    run = edit(photo, Reject(seen(photo, "g1")))
    edit(photo, Add("g1", Point(50, 60)))
    result = undo_run(run)
    assert places(photo)["g1"] == (50, 60)
    assert [left.uuid for left in result.left] == ["g1"]
    assert read_photo_marks(photo).rejected == ()


def test_without_a_number_the_latest_run_that_is_not_undone_is_undone(photo: Path) -> None:
    first = edit(photo, Add("one", Point(1, 2)))
    second = edit(photo, Add("two", Point(3, 4)))
    assert undo_run().run.number == second
    assert undo_run().run.number == first
    assert json.loads(marks_path(photo).read_text()) == MARKS
    with pytest.raises(UsageError, match="no run to undo"):
        undo_run()
    with pytest.raises(UsageError, match=f"run {first} is undone already"):
        undo_run(first)
    with pytest.raises(UsageError, match="there is no run 77"):
        undo_run(77)


def test_a_run_that_goes_on_after_its_undo_can_be_undone_again(photo: Path) -> None:
    before = marks_path(photo).read_bytes()
    run = Run("find")
    edit_marks(run, {photo: [Add("one", Point(1, 2))]})
    undo_run(run.number)
    edit_marks(run, {photo: [Add("two", Point(1, 2))]})
    undo_run(run.number)
    assert marks_path(photo).read_bytes() == before


def test_a_damaged_file_is_not_touched_and_the_undo_can_be_repeated(photo: Path) -> None:
    run = edit(photo, Add("mine", Point(1, 2)))
    whole = marks_path(photo).read_bytes()
    marks_path(photo).write_bytes(whole[:-9])
    with pytest.raises(MelError, match="not valid JSON"):
        undo_run(run)
    marks_path(photo).write_bytes(whole)
    undo_run(run)
    assert json.loads(marks_path(photo).read_text()) == MARKS


def test_a_log_that_a_crash_has_cut_short_still_undoes_what_was_written(photo: Path) -> None:
    before = marks_path(photo).read_bytes()
    run = edit(photo, Add("mine", Point(1, 2)))
    with run_path(run).open("ab") as file:
        file.write(b'{"step": 2, "path": "/x", "bef')
    undo_run(run)
    assert marks_path(photo).read_bytes() == before
    assert read_run(run).undone


def test_a_log_that_is_no_log_is_left_out_of_the_list(photo: Path) -> None:
    edit(photo, Add("mine", Point(1, 2)))
    run_path(9).write_text("{}\n")
    assert [run.number for run in list_runs()] == [1]
    with pytest.raises(MelError, match="damaged"):
        read_run(9)


def test_a_state_folder_that_cannot_be_written_is_an_error_before_anything_is_changed(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEL_DEBUG_STATE_DIR", str(marks_path(photo)))  # a file
    with pytest.raises(MelError, match="undo log can't be written"):
        edit(photo, Add("mine", Point(1, 2)))
    assert json.loads(marks_path(photo).read_text()) == MARKS


ACTS: Sequence[Callable[[Mark], Edit]] = [
    Accept,
    Reject,
    Unsure,
    Remove,
    lambda mark: Move(mark, Point(mark.point.x + 1, 5)),
]


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(plan=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), min_size=1, max_size=6))
def test_any_steps_of_a_run_are_undone_to_the_byte(
    photo: Path, plan: list[tuple[int, int]]
) -> None:
    marks_path(photo).write_text(json.dumps(MARKS))
    marks_path(photo, "rejected").unlink(missing_ok=True)
    run, states = Run("review"), []
    for number, (kind, which) in enumerate(plan):
        states.append(marks_path(photo).read_bytes())
        marks = read_photo_marks(photo).marks
        edits = [*ACTS, None]
        act = edits[kind]
        if act is None or not marks:
            edit_marks(run, {photo: [Add(f"n{number}", Point(number, 1))]})
        else:
            edit_marks(run, {photo: [act(marks[which % len(marks)])]})
    half = len(plan) // 2
    for state in reversed(states[half:]):
        if marks_path(photo).read_bytes() != state:  # else the step changed nothing
            undo_last_step(run)
        assert marks_path(photo).read_bytes() == state
    if run.number is not None and not read_run(run.number).undone:
        undo_run(run.number)
    assert marks_path(photo).read_text() == json.dumps(MARKS)
    assert not marks_path(photo, "rejected").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
import mel_debug.files.moles_file as moles_file
from mel_debug.marking.changing import edit_marks
from mel_debug.marking.edits import Reject
from mel_debug.marking.marks import read_photo_marks
from mel_debug.marking.runs import Run

photo, writes = Path(sys.argv[1]), int(sys.argv[2])
real = moles_file.replace_unchanged

def write(*arguments, **settings):
    global writes
    if writes == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    writes -= 1
    return real(*arguments, **settings)

moles_file.replace_unchanged = write
edit_marks(Run("review"), {photo: [Reject(read_photo_marks(photo).marks[0])]})
"""


@pytest.mark.slow
@pytest.mark.parametrize("writes", [0, 1, 2])
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_what_a_killed_process_has_written_can_be_undone_and_done_again(
    photo: Path, writes: int
) -> None:
    before = marks_path(photo).read_bytes()
    subprocess.run([sys.executable, "-c", KILLED, str(photo), str(writes)], check=False)
    assert "g1" in {mark.uuid for mark in read_photo_marks(photo).marks} or writes == 2
    undo_run(1)
    assert marks_path(photo).read_bytes() == before
    assert read_moles_if_any(photo, "rejected") == []
    edit(photo, Reject(seen(photo, "g1")))
    assert len(read_photo_marks(photo).rejected) == 1
