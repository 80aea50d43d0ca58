"""Progress of long work on standard error: a bar on a terminal, else a line now and then."""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from typing import Any, TextIO, TypeVar

T = TypeVar("T")

BAR_SECONDS = 1.0
"""How long work must take until it gets a bar, and how often the bar is drawn at least."""

LINE_SECONDS = 10.0
"""The interval of lines where standard error is not a terminal; shorter work prints none."""

BAR = "{desc}: {n_fmt} of {total_fmt} {unit} |{bar}| {remaining} left"
"""The format of a bar, in fields of tqdm."""


def show_progress(
    items: Iterable[T],
    label: str,
    length: int | None = None,
    unit: str = "",
    weigh: Callable[[T], int] | None = None,
) -> Iterator[T]:
    """Yield the items while standard error shows how much is done, and the time left.

    `length` is the number of items, or of what `weigh` counts in them: a search of one pair of
    photos is worth its moles. It is needed if the items have no `len`. An item is done when the
    next one is asked for. `unit` is the word for what is counted, in the plural.
    """
    if length is None:
        assert isinstance(items, Sized)  # noqa: S101 - the caller's mistake
        length = len(items)
    with _shown(label, length, unit) as advance:
        for item in items:
            yield item
            advance(1 if weigh is None else weigh(item))


@contextmanager
def progress_hidden() -> Iterator[None]:
    """Remove a bar from the terminal within the block, so that a line can be printed."""
    bar = _Bar.shown
    if bar is None:
        yield
        return
    with bar.lock:
        bar.clear()
        yield
        bar.draw()


@contextmanager
def _shown(label: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """Show progress within the block; yields the function to call with what has been done."""
    stream = sys.stderr
    if not total or stream is None or stream.closed:
        yield lambda _: None
        return
    is_terminal = stream.isatty()
    shown = (_Bar if is_terminal else _Lines)(stream, label, total, unit)
    ended = threading.Event()
    thread = threading.Thread(
        target=_tick,
        args=(shown, ended, BAR_SECONDS if is_terminal else LINE_SECONDS),
        daemon=True,
    )
    thread.start()
    try:
        yield shown.advance
    finally:
        ended.set()
        thread.join()
        shown.close()


def _tick(shown: "_Bar | _Lines", ended: threading.Event, seconds: float) -> None:
    """Show the state every few seconds, also while one item takes longer than that."""
    while not ended.wait(seconds):
        with suppress(OSError, ValueError):  # the stream was closed
            shown.tick()


class _Lines:
    """A line at each tick."""

    def __init__(self, stream: TextIO, label: str, total: int, unit: str) -> None:
        self._stream, self._label, self._total, self._unit = stream, label, total, unit
        self._done = 0
        self._start = time.monotonic()

    def advance(self, done: int) -> None:
        self._done += done

    def tick(self) -> None:
        done, left = self._done, ""
        if done:
            passed = time.monotonic() - self._start
            left = f", about {duration(passed * (self._total - done) / done)} left"
        line = f"{self._label}: {done} of {self._total} {self._unit}".rstrip()
        self._stream.write(f"{line}{left}\n")
        self._stream.flush()

    def close(self) -> None:
        """Print nothing: the command reports what it has done."""


class _Bar:
    """A bar of tqdm from the first tick on, which is removed at the end."""

    shown: "_Bar | None" = None

    def __init__(self, stream: TextIO, label: str, total: int, unit: str) -> None:
        self._options: dict[str, Any] = {"desc": label, "total": total, "unit": unit}
        self._options |= {"file": stream, "initial": 0, "bar_format": BAR, "leave": False}
        self._done = 0
        self._start = time.monotonic()
        self._bar: Any = None
        self.lock = threading.RLock()

    def advance(self, done: int) -> None:
        with self.lock:
            self._done += done
            self.draw()

    def tick(self) -> None:
        with self.lock:
            if self._bar is None:
                self._bar = _tqdm()(**self._options, dynamic_ncols=True, smoothing=0)
                self._bar.start_t -= time.monotonic() - self._start  # its time is time.time()
                _Bar.shown = self
            self.draw()

    def draw(self) -> None:
        """Draw the bar, if it has appeared."""
        if self._bar is not None:
            self._bar.n = self._done
            self._bar.refresh()

    def clear(self) -> None:
        if self._bar is not None:
            self._bar.clear()

    def close(self) -> None:
        with self.lock:
            _Bar.shown = None
            if self._bar is not None:
                with suppress(OSError, ValueError):
                    self._bar.close()


def _tqdm() -> Any:
    """The class of bars: without tqdm's own thread, and without its lock between processes.

    That lock would start the resource tracker of `multiprocessing`.
    """
    from tqdm import tqdm

    class Quiet(tqdm):  # type: ignore[misc] # it has no types
        monitor_interval = 0

    Quiet.set_lock(threading.RLock())
    return Quiet


def duration(seconds: float) -> str:
    """A duration in one unit, for people: `50 s`, `12 min` or `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
