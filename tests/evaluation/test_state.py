"""Laws of what survives a stop."""

import math
from pathlib import Path

import pytest

from mel_debug.confidence.answers import Answer
from mel_debug.core.errors import MelError
from mel_debug.evaluation.state import Finished, State, key_of


def finished(uuid: str) -> Finished:
    there = Answer("s", "t", uuid, (1.5, 2.0), (3.0, 4.0), 99, {"score": 0.5, "margin": math.nan})
    gone = Answer("s", "t", uuid, None, (3.0, 4.0), 99, {})
    return Finished((there, gone), (0.5,), 2.0, None, ("a note",))


def test_what_was_added_is_there_after_a_restart(tmp_path: Path) -> None:
    """Places, notes, and evidence that is not known included."""
    state = State.begin(tmp_path / "deep" / "state.jsonl", resume=False)
    for key in ("one", "two"):
        state.add(key, finished(key))
    again = State.begin(tmp_path / "deep" / "state.jsonl", resume=True)
    assert set(again.finished) == {"one", "two"}
    answer = again.finished["two"].answers[0]
    assert (answer.uuid, answer.truth, answer.answer) == ("two", (1.5, 2.0), (3.0, 4.0))
    assert math.isnan(answer.evidence["margin"])
    assert again.finished["one"].notes == ("a note",)


def test_a_line_cut_short_spoils_no_other(tmp_path: Path) -> None:
    """A crash in the middle of a write, and then a new run."""
    path = tmp_path / "state.jsonl"
    State.begin(path, resume=False).add("one", finished("one"))
    whole = path.read_bytes()
    State.begin(path, resume=True).add("two", finished("two"))
    path.write_bytes(path.read_bytes()[: len(whole) + 40])
    State.begin(path, resume=True).add("three", finished("three"))
    assert set(State.begin(path, resume=True).finished) == {"one", "three"}


def test_without_resume_a_run_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "state.jsonl"
    State.begin(path, resume=False).add("one", finished("one"))
    assert State.begin(path, resume=False).finished == {}
    assert State.begin(path, resume=True).finished == {}


def test_a_state_that_can_not_be_kept_is_told_at_the_start(tmp_path: Path) -> None:
    """Not after hours."""
    (tmp_path / "file").write_text("")
    with pytest.raises(MelError, match="`state`"):
        State.begin(tmp_path / "file" / "state.jsonl", resume=False)


def test_keys_tell_parts_apart() -> None:
    """Where one part ends and the next begins matters."""
    assert key_of("ab", "c") != key_of("a", "bc")
