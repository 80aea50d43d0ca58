"""The end of the thread that computes for the page."""

import threading
import time

import pytest

from mel_debug.page.worker import Superseded, Urgency, Worker


def test_stopping_waits_for_the_running_job_and_drops_the_others() -> None:
    """What runs in C++ when the interpreter ends would abort the process."""
    worker, begun, go = Worker(), threading.Event(), threading.Event()

    def job() -> str:
        begun.set()
        assert go.wait(30)
        return "ended"

    running = worker.submit(Urgency.PLACE, job)
    waiting = worker.submit(Urgency.PLACE, lambda: "begun")
    assert begun.wait(30)
    threading.Timer(0.2, go.set).start()
    worker.stop(30)
    assert running.done()
    assert running.result() == "ended"
    assert not waiting.done()


def test_stopping_an_idle_worker_takes_no_time() -> None:
    worker = Worker()
    start = time.monotonic()
    worker.stop(30)
    assert time.monotonic() - start < 10


def test_stopping_does_not_wait_for_ever() -> None:
    """A job that hangs does not keep the server alive."""
    worker, go = Worker(), threading.Event()
    worker.submit(Urgency.MAP, lambda: go.wait(60))
    worker.stop(0.1)
    go.set()


def test_a_long_job_ends_where_it_lets_others_run() -> None:
    """A map of two photos ends after its next round."""
    worker, begun, go = Worker(), threading.Event(), threading.Event()

    def job() -> None:
        begun.set()
        assert go.wait(30)
        worker.run_waiting(Urgency.PLACE)

    running = worker.submit(Urgency.MAP, job)
    assert begun.wait(30)
    threading.Timer(0.2, go.set).start()
    worker.stop(30)
    with pytest.raises(Superseded):
        running.result()
