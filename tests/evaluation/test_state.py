"""Laws of what survives a stop."""

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


def test_what_was_added_is_there_after_a_restart(tmp_path: Path) -> None:
    """Places, notes, and evidence that is not known included."""
    state = State.begin(tmp_path / "deep" / "state.jsonl")
    for key in ("one", "two"):
        state.add(key, finished(key))
    again = State.begin(tmp_path / "deep" / "state.jsonl")
    assert set(again.finished) == {"one", "two"}
    answer = again.finished["two"].answers[0]
    assert (answer.uuid, answer.truth, answer.answer) == ("two", (1.5, 2.0), (3.0, 4.0))
    assert math.isnan(answer.evidence["margin"])
    assert again.finished["one"].notes == ("a note",)


def test_a_line_cut_short_spoils_no_other(tmp_path: Path) -> None:
    """A crash in the middle of a write, and then a new run."""
    path = tmp_path / "state.jsonl"
    State.begin(path).add("one", finished("one"))
    whole = path.read_bytes()
    State.begin(path).add("two", finished("two"))
    path.write_bytes(path.read_bytes()[: len(whole) + 40])
    State.begin(path).add("three", finished("three"))
    assert set(State.begin(path).finished) == {"one", "three"}


def test_what_is_forgotten_is_gone_and_the_rest_stays(tmp_path: Path) -> None:
    """In the file too; a key that is not there is no error."""
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
def test_a_file_that_is_no_state_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    """Whatever is in it."""
    path = tmp_path / "state.jsonl"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is no state of an evaluation; name another `state`"):
        State.begin(path)
    assert path.read_bytes() == content


def test_an_empty_file_becomes_a_state(tmp_path: Path) -> None:
    """As `mktemp` makes one."""
    path = tmp_path / "state.jsonl"
    path.touch()
    State.begin(path).add("one", finished("one"))
    assert set(State.begin(path).finished) == {"one"}


def test_a_link_to_a_state_stays_a_link(tmp_path: Path) -> None:
    """The file that it leads to is the one that grows."""
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "state.jsonl")
    state = State.begin(link)
    state.add("one", finished("one"))
    state.forget([])
    assert link.is_symlink()
    assert set(State.begin(tmp_path / "state.jsonl").finished) == {"one"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    """Opening it would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="is a pipe"):
        State.begin(tmp_path / "pipe")


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no such limit")
def test_a_full_disk_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    """The error names the file; whatever part of the line was written spoils no other."""
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


def test_a_state_that_can_not_be_kept_is_told_at_the_start(tmp_path: Path) -> None:
    """Not after hours."""
    (tmp_path / "file").write_text("")
    with pytest.raises(MelError, match="`state`"):
        State.begin(tmp_path / "file" / "state.jsonl")


def test_keys_tell_parts_apart() -> None:
    """Where one part ends and the next begins matters."""
    assert key_of("ab", "c") != key_of("a", "bc")


def test_names_that_are_no_text_have_keys_of_their_own() -> None:
    """Undecodable bytes in a photo's name are lone surrogates in Python."""
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
