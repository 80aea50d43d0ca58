"""Laws of values that are loaded once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mel_debug.core.lazy import Lazy


class Counted:
    """A load that counts its calls and can be blocked."""

    def __init__(self) -> None:
        self.calls = 0
        self.go = threading.Event()
        self.go.set()

    def __call__(self) -> list[int]:
        self.calls += 1
        assert self.go.wait(30)
        return [self.calls]


def test_nothing_is_loaded_before_its_first_use() -> None:
    """A photo whose pixels are not used is not decoded."""
    counted = Counted()
    Lazy(counted)
    assert counted.calls == 0


@pytest.mark.parametrize("ahead", [False, True])
def test_it_is_loaded_once_whoever_asks(ahead: bool) -> None:
    """Several threads at a time get the same value, begun ahead or not."""
    counted = Counted()
    once = Lazy(counted)
    if ahead:
        once.prefetch()
        once.prefetch()
    with ThreadPoolExecutor(4) as pool:
        values = list(pool.map(lambda _: once.get(), range(8)))
    assert counted.calls == 1
    assert all(value is values[0] for value in values)


def test_beginning_does_not_wait() -> None:
    """Loading continues in a thread after `prefetch` returns."""
    counted = Counted()
    counted.go.clear()
    once = Lazy(counted)
    once.prefetch()
    counted.go.set()
    assert once.get() == [1]


def test_waiting_retains_nothing() -> None:
    """Whoever only waits leaves the value to its last user, and waits for nothing not begun."""
    counted = Counted()
    once = Lazy(counted)
    once.wait()
    assert counted.calls == 0
    once.prefetch()
    once.wait()
    assert once.take() == ([1], True)


def test_a_last_use_lets_go_of_what_nobody_keeps() -> None:
    """A prefetched value is returned and not retained; the next use loads it again."""
    counted = Counted()
    once = Lazy(counted)
    once.prefetch()
    assert once.take() == ([1], True)
    assert once.take() == ([2], True)


def test_take_leaves_a_retained_value() -> None:
    """After `get`, the value belongs to more than one owner."""
    counted = Counted()
    once = Lazy(counted)
    kept = once.get()
    value, alone = once.take()
    assert value is kept
    assert not alone
    assert once.get() is kept
    assert counted.calls == 1


@pytest.mark.parametrize("ahead", [False, True])
def test_an_error_of_loading_is_raised_at_every_use(ahead: bool) -> None:
    """Not to who began it."""

    def fail() -> int:
        raise OSError("gone")

    once = Lazy(fail)
    if ahead:
        once.prefetch()
        once.wait()
    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            once.get()
