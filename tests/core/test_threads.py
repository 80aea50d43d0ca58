"""Laws of work shared among threads."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.core.threads import MOST_THREADS, in_threads


@given(st.integers(1, 500), st.integers(1, 64), st.integers(1, 12))
def test_each_row_is_worked_on_once_and_in_order(rows: int, step: int, threads: int) -> None:
    """Whatever the number of threads, the parts are whole steps and cover all rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", str(threads))
        parts = in_threads(lambda part: part, rows, step)
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(rows))
    assert all((part.stop - part.start) % step == 0 for part in parts[:-1])
    assert len(parts) <= min(threads, MOST_THREADS)


def test_parts_run_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two parts meet at a barrier, which one thread alone would never pass."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    meeting = threading.Barrier(2)
    in_threads(lambda _: meeting.wait(timeout=30), 2, 1)


def test_an_error_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")

    def work(part: slice) -> None:
        raise ValueError(f"row {part.start}")

    with pytest.raises(ValueError, match="row 0"):
        in_threads(work, 2, 1)
