"""Laws of the child processes of tests."""

import multiprocessing
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from children import counted, default_signals
from chores import square

pytestmark = pytest.mark.slow

HANDLERS = """
import signal
names = [name for name in ("SIGINT", "SIGHUP", "SIGTERM") if hasattr(signal, name)]
print(*(signal.getsignal(getattr(signal, name)) for name in names))
"""


@pytest.fixture
def ignored() -> Iterator[None]:
    """This process as a shell and `nohup` start a job in the background."""
    before = {
        getattr(signal, name): signal.signal(getattr(signal, name), signal.SIG_IGN)
        for name in ("SIGINT", "SIGHUP")
        if hasattr(signal, name)
    }
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.usefixtures("ignored")
def test_children_have_a_terminals_handlers_where_the_suite_runs_in_the_background() -> None:
    """Else a test that stops one with SIGINT waits for ever; this process goes on ignoring it."""
    with default_signals():
        told = subprocess.check_output([sys.executable, "-c", HANDLERS], text=True)
    assert "default_int_handler" in told
    assert told.split()[-1] == str(int(signal.SIG_DFL))
    assert str(int(signal.SIG_IGN)) not in told.split()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_processes_are_counted_however_they_are_started() -> None:
    """By `subprocess` or by `multiprocessing`."""
    with counted() as started:
        subprocess.run([sys.executable, "-c", ""], check=True)
        process = multiprocessing.get_context("spawn").Process(target=square, args=(2,))
        process.start()
        process.join()
    assert started[0].startswith("subprocess.Popen")
    assert started[-1].startswith("multiprocessing")
