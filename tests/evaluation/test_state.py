"""Laws of the state file, from which a stopped evaluation is resumed."""

import math
import os
import sys
from pathlib import Path

import pytest

from mel_debug.confidence.answers import Answer
from mel_debug.core.errors import MelError, UsageError
from mel_debug.evaluation.state import Finished, State, key_of


def finished(uuid: str) -> Finished:
    there = Answer("s", "t", uuid, (1.5, 2.0), (3.0, 4.0), 99, {"score": 0.5, "margin": math.nan})
    gone = Answer("s", "t", uuid, None, (3.0, 4.0), 99, {})
    return Finished((there, gone), (0.5,), 2.0, None, ("a note",))


def test_added_pairs_are_read_back(tmp_path: Path) -> None:
    """This includes positions, notes and missing evidence."""
    state = State.begin(tmp_path / "deep" / "state.jsonl")
    for key in ("one", "two"):
        state.add(key, finished(key))
    again = State.begin(tmp_path / "deep" / "state.jsonl")
    assert set(again.finished) == {"one", "two"}
    answer = again.finished["two"].answers[0]
    assert (answer.uuid, answer.truth, answer.answer) == ("two", (1.5, 2.0), (3.0, 4.0))
    assert math.isnan(answer.evidence["margin"])
    assert again.finished["one"].notes == ("a note",)


def test_a_line_cut_short_damages_no_other_line(tmp_path: Path) -> None:
    """A run after a crash in the middle of a write appends whole lines."""
    path = tmp_path / "state.jsonl"
    State.begin(path).add("one", finished("one"))
    whole = path.read_bytes()
    State.begin(path).add("two", finished("two"))
    path.write_bytes(path.read_bytes()[: len(whole) + 40])
    State.begin(path).add("three", finished("three"))
    assert set(State.begin(path).finished) == {"one", "three"}


def test_forgotten_pairs_are_removed_and_the_rest_stay(tmp_path: Path) -> None:
    """They are removed from the file too; an unknown key is not an error."""
    path = tmp_path / "state.jsonl"
    state = State.begin(path)
    for key in ("one", "two"):
        state.add(key, finished(key))
    state.forget(["one", "three"])
    assert set(state.finished) == {"two"}
    assert set(State.begin(path).finished) == {"two"}


@pytest.mark.parametrize(
    "content", [b"mine\n", b'[{"uuid": "a"}]', b"\xff\xd8\xff", b'{"key": 1}\n', b"\n"]
)
def test_other_files_are_refused_and_unchanged(tmp_path: Path, content: bytes) -> None:
    """A file with any other content raises UsageError."""
    path = tmp_path / "state.jsonl"
    path.write_bytes(content)
    with pytest.raises(
        UsageError, match="is not the state of an evaluation; choose another `state`"
    ):
        State.begin(path)
    assert path.read_bytes() == content


def test_an_empty_file_becomes_a_state(tmp_path: Path) -> None:
    """Such a file comes from `mktemp`, for example."""
    path = tmp_path / "state.jsonl"
    path.touch()
    State.begin(path).add("one", finished("one"))
    assert set(State.begin(path).finished) == {"one"}


def test_a_link_to_a_state_stays_a_link(tmp_path: Path) -> None:
    """Pairs are appended to the file that it links to."""
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "state.jsonl")
    state = State.begin(link)
    state.add("one", finished("one"))
    state.forget([])
    assert link.is_symlink()
    assert set(State.begin(tmp_path / "state.jsonl").finished) == {"one"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    """Opening it would block forever."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="is a pipe"):
        State.begin(tmp_path / "pipe")


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no such limit")
def test_a_full_disk_loses_no_stored_pair(tmp_path: Path) -> None:
    """The error names the file, and a partly written line damages no other."""
    import resource

    path = tmp_path / "state.jsonl"
    state = State.begin(path)
    state.add("one", finished("one"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 40, limits[1]))
    try:
        with pytest.raises(MelError, match=r"state\.jsonl can't be written"):
            state.add("two", finished("two"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    State.begin(path).add("three", finished("three"))
    assert set(State.begin(path).finished) == {"one", "three"}


def test_a_state_that_can_not_be_written_is_an_error_at_the_start(tmp_path: Path) -> None:
    """The error does not come only after the first search."""
    (tmp_path / "file").write_text("")
    with pytest.raises(MelError, match="`state`"):
        State.begin(tmp_path / "file" / "state.jsonl")


def test_keys_depend_on_where_parts_end() -> None:
    """The same text in other parts has another key."""
    assert key_of("ab", "c") != key_of("a", "bc")


def test_undecodable_names_have_distinct_keys() -> None:
    """Undecodable bytes of a file name are lone surrogates in Python."""
    assert len({key_of("a\udcff"), key_of("a\udcfe"), key_of("a\ud800")}) == 3


def test_a_line_that_is_no_pair_is_passed_over(tmp_path: Path) -> None:
    """Whatever damaged it: a disk, an editor, another program."""
    path = tmp_path / "state.jsonl"
    State.begin(path).add("one", finished("one"))
    line = '{"key": "two", "answers": [], "photo_seconds": [], "match_seconds": %s}\n'
    with path.open("a") as file:
        file.write("[" * 10**5 + "\n" + '"text"\n' + "\0\0\n" + line % ("9" * 400))
        file.write(line % ("9" * 5000) + line % "null" + "[1]\n")
    assert set(State.begin(path).finished) == {"one"}
