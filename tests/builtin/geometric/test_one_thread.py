"""The limit on the threads of numpy's BLAS: while the matcher runs, and no longer."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from mel_debug.builtin.matchers.geometric.one_thread import one_thread


def blas_threads() -> set[int]:
    np.ones((2, 2)) @ np.ones((2, 2))
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


@pytest.fixture
def two() -> Iterator[None]:
    """Two threads before, on any machine."""
    if not blas_threads():
        pytest.skip("numpy's BLAS has no number of threads that can be set (macOS)")
    with threadpool_limits(2, user_api="blas"):
        yield


@pytest.mark.usefixtures("two")
def test_the_limit_ends_with_blocks_in_several_threads() -> None:
    """A finder may be shared by threads, whose blocks overlap in any order."""
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with one_thread():
            inside.set()
            leave.wait(30)

    thread = threading.Thread(target=other)
    with one_thread():
        thread.start()
        inside.wait(30)
        assert blas_threads() == {1}
    leave.set()
    thread.join()
    assert blas_threads() == {2}


@pytest.mark.usefixtures("two")
def test_the_limit_ends_with_an_error() -> None:
    with pytest.raises(ValueError, match="wrong"), one_thread():
        raise ValueError("wrong")
    assert blas_threads() == {2}
