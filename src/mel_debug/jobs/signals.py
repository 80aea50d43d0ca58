"""An orderly end on SIGINT, SIGTERM and SIGHUP while worker processes are running.

An exception raised inside `concurrent.futures` can leave its locks held, so that shutting down
blocks for ever. Without a handler the process ends at once, and the resource tracker of
`multiprocessing` warns about leaked semaphores. So a signal is only recorded, and raised as an
exception at a safe point in the stream of results.
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

SAFE_POINT_SECONDS = 5.0
"""A signal is raised at once if an earlier one has waited this long for a safe point."""


class DeferredSignals:
    """Records SIGINT, SIGTERM and SIGHUP, and raises them as exceptions at safe points."""

    def __init__(self) -> None:
        self._recorded: int | None = None
        self._since = 0.0
        self._before: dict[int, Any] = {}
        self._at_once = False

    def raise_at_once(self) -> None:
        """Raise signals when they come, as long as no call is made on the workers."""
        self._at_once = True
        self.check()

    def defer(self) -> None:
        """Record signals for `check` again."""
        self._at_once = False

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Within the block, record signals for `check` unless the program handles them itself.

        Once a signal was raised, further ones are ignored, also after the block, so that they do
        not interrupt the clean-up. Does nothing outside the main thread, where Python cannot handle
        signals.
        """
        if threading.current_thread() is threading.main_thread():
            for name, default in _DEFAULTS.items():
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) is default:
                    self._before[number] = signal.signal(number, self._record)
        try:
            yield
        finally:
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def check(self) -> None:
        """Raise KeyboardInterrupt or `Terminated` if a signal was recorded."""
        if self._recorded is not None:
            number, self._recorded = self._recorded, None
            self._raise(number)

    def _record(self, number: int, _frame: FrameType | None) -> None:
        if self._at_once:
            self._raise(number)
        if self._recorded is None:
            self._recorded, self._since = number, time.monotonic()
        elif time.monotonic() - self._since > SAFE_POINT_SECONDS:
            self._raise(number)

    def _raise(self, number: int) -> None:
        # At shutdown Python restores its own handlers, but leaves ignored signals ignored.
        for handled in self._before:
            signal.signal(handled, signal.SIG_IGN)
        self._before.clear()
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated
