"""Laws of progress: all items pass, and standard error has what its reader can use."""

import io
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.console import progress
from mel_debug.console.progress import duration, show_progress
from mel_debug.console.terminal import echo_line


class Terminal(io.StringIO):
    """A standard error that a person watches."""

    def isatty(self) -> bool:
        return True


KINDS = pytest.mark.parametrize("kind", [io.StringIO, Terminal], ids=["piped", "a terminal"])


def standard_error(monkeypatch: pytest.MonkeyPatch, kind: type[io.StringIO]) -> io.StringIO:
    """Replace standard error; in the test itself, as pytest replaces it after fixtures."""
    stream = kind()
    monkeypatch.setattr("sys.stderr", stream)
    return stream


def quick(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.02) -> None:
    """Let a bar appear, or lines follow, within a fraction of a second."""
    monkeypatch.setattr(progress, "BAR_SECONDS", seconds)
    monkeypatch.setattr(progress, "LINE_SECONDS", seconds)


def wait_for(error: io.StringIO, text: str) -> None:
    deadline = time.monotonic() + 30
    while text not in error.getvalue():
        assert time.monotonic() < deadline, error.getvalue()
        time.sleep(0.01)


@given(st.lists(st.integers()))
def test_every_item_passes_unchanged(items: list[int]) -> None:
    assert list(show_progress(items, "counting")) == items
    assert list(show_progress(iter(items), "counting", len(items), "numbers", abs)) == items


@KINDS
def test_short_work_prints_nothing(
    monkeypatch: pytest.MonkeyPatch, kind: type[io.StringIO]
) -> None:
    """Neither on a terminal nor piped."""
    error = standard_error(monkeypatch, kind)
    assert list(show_progress([1, 2, 3], "counting")) == [1, 2, 3]
    assert error.getvalue() == ""


@KINDS
def test_what_is_done_is_counted_in_the_unit(
    monkeypatch: pytest.MonkeyPatch, kind: type[io.StringIO]
) -> None:
    """Also while one item takes its time; with the time left once anything is done."""
    quick(monkeypatch)
    error = standard_error(monkeypatch, kind)
    for item in show_progress([3, 4, 5], "searching", 12, "moles", lambda item: item):
        if item == 3:
            wait_for(error, "searching: 0 of 12 moles")
        elif item == 4:
            wait_for(error, "searching: 3 of 12 moles")
            wait_for(error, " left")
    if not error.isatty():
        lines = error.getvalue().splitlines()
        form = r"searching: \d+ of 12 moles(, about [\d.]+ (s|min|h) left)?"
        assert all(re.fullmatch(form, line) for line in lines)


def test_a_bar_leaves_the_terminal_when_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """And makes room for a line that is printed meanwhile."""
    quick(monkeypatch)
    terminal = standard_error(monkeypatch, Terminal)
    for _ in show_progress([1], "searching", 1, "moles"):
        wait_for(terminal, "searching: 0 of 1 moles")
        echo_line("found", err=True)
    shown = terminal.getvalue()
    assert re.search(r"\r +\r(\x1b\[A)?found\n", shown)
    assert re.search(r"\r +\r$", shown)


@KINDS
def test_work_may_end_with_an_error(
    monkeypatch: pytest.MonkeyPatch, kind: type[io.StringIO]
) -> None:
    """Nothing is printed afterwards."""
    quick(monkeypatch)
    error = standard_error(monkeypatch, kind)

    def work() -> None:
        for _ in show_progress([1, 2], "searching", 2, "moles"):
            wait_for(error, "searching")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    length = len(error.getvalue())
    time.sleep(0.1)
    assert len(error.getvalue()) == length


def test_a_stream_that_was_closed_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a test runner, or after `2>&-`."""
    quick(monkeypatch)
    closed = standard_error(monkeypatch, io.StringIO)
    for _ in show_progress([1], "searching"):
        closed.close()
        time.sleep(0.1)
    assert list(show_progress([1], "searching")) == [1]
    monkeypatch.setattr("sys.stderr", None)
    assert list(show_progress([1], "searching")) == [1]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (6000, "1.7 h")]
)
def test_durations_have_one_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text
