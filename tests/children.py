"""Child processes of tests: which signals stop them, and which tests may start them."""

import multiprocessing.util
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_started: list[str] | None = None
"""Descriptions of the processes started since `counted` was entered; None outside of it."""


@contextmanager
def default_signals() -> Iterator[None]:
    """Processes started within are stopped by signals, as those of a terminal are.

    A shell starts a job in the background with SIGINT ignored, and `nohup` with SIGHUP; children
    inherit that.
    """
    names = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
    present = [getattr(signal, name) for name in names if hasattr(signal, name)]
    ignored = [one for one in present if signal.getsignal(one) is signal.SIG_IGN]
    for one in ignored:
        signal.signal(one, signal.SIG_DFL)
    try:
        yield
    finally:
        for one in ignored:
            signal.signal(one, signal.SIG_IGN)


@contextmanager
def counted() -> Iterator[list[str]]:
    """A list that gets a line for each process with Python in it that is started within."""
    global _started  # noqa: PLW0603 - an audit hook can't be removed, so there is one for all
    started: list[str] = []
    _started = started
    try:
        yield started
    finally:
        _started = None


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _started is None:
        return
    if event in ("os.fork", "os.forkpty"):
        _started.append(event)
    elif event == "subprocess.Popen" and arguments[0] == sys.executable:  # libraries run ldconfig
        _started.append(f"{event} {arguments[1]}")


def watch() -> None:
    """Begin to see processes start; call it once."""
    sys.addaudithook(_note)
    if not hasattr(multiprocessing.util, "spawnv_passfds"):  # Windows
        return
    spawn = multiprocessing.util.spawnv_passfds

    def noted(path: Any, arguments: Any, descriptors: Any) -> int:
        """`multiprocessing` raises no audit event."""
        if _started is not None:
            _started.append(f"multiprocessing {arguments}")
        return int(spawn(path, arguments, descriptors))

    vars(multiprocessing.util)["spawnv_passfds"] = noted
