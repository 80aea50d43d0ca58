"""Signals that ask to end while worker processes are open: an orderly end, whenever they come.

An exception raised in the middle of `concurrent.futures` leaves its locks held, and the end then
waits for ever. Without a handler, on the other hand, the process is gone at once, and the tracker
of `multiprocessing` warns about semaphores that nobody removed. So a signal is noted here, and
raised as an exception where the stream of results looks for it.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from mel_debug.core.errors import Terminated

_DEFAULTS = {
    "SIGINT": signal.default_int_handler,
    "SIGTERM": signal.SIG_DFL,
    "SIGHUP": signal.SIG_DFL,
}


PATIENCE_SECONDS = 5.0
"""A second signal this long after the first, if nothing has looked since, is raised at once."""


class Ending:
    """Notes SIGINT, SIGTERM and SIGHUP."""

    def __init__(self) -> None:
        self._noted: int | None = None
        self._since = 0.0
        self._before: dict[int, Any] = {}

    @contextmanager
    def handled(self) -> Iterator[None]:
        """While within, signals that nobody handles or ignores are noted for `check`.

        After one was raised they are ignored, also afterwards: the process is ending, and a second
        signal must not cut that short. In another thread than the main one, where Python handles
        no signals, nothing changes.
        """
        if threading.current_thread() is threading.main_thread():
            for name, default in _DEFAULTS.items():
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) is default:
                    self._before[number] = signal.signal(number, self._note)
        try:
            yield
        finally:
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def check(self) -> None:
        """Raise KeyboardInterrupt or `Terminated` if a signal has asked for it."""
        if self._noted is not None:
            noted, self._noted = self._noted, None
            self._raise(noted)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self._noted is None:
            self._noted, self._since = number, time.monotonic()
        elif time.monotonic() - self._since > PATIENCE_SECONDS:
            self._raise(number)

    def _raise(self, number: int) -> None:
        # Python puts its own handlers back while it shuts down, but leaves ignored signals alone.
        for each in self._before:
            signal.signal(each, signal.SIG_IGN)
        self._before.clear()
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated
