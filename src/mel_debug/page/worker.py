"""One thread that computes features, maps and places in turn, the most urgent first."""

import itertools
import queue
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TypeVar

T = TypeVar("T")


class Urgency(IntEnum):
    """What a person waits for comes first."""

    PLACE = 0
    FEATURES = 1
    MAP = 2


class Superseded(Exception):  # noqa: N818 - not a fault: a newer request took its place
    """A job was dropped before it began, as the same client asked for something newer."""


@dataclass(order=True, slots=True)
class _Job:
    urgency: int
    number: int
    run: Callable[[], Any] = field(compare=False)
    future: "Future[Any]" = field(compare=False)
    client: Hashable = field(compare=False)


class Worker:
    """Runs jobs one at a time in a thread; `stop` it before the process ends.

    The thread is a daemon, so that a job that hangs can't keep the process alive.
    """

    def __init__(self) -> None:
        self._jobs: queue.PriorityQueue[_Job] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._latest: dict[Hashable, int] = {}
        self._stopping = False
        self._thread = threading.Thread(target=self._work, daemon=True, name="page worker")
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Drop the waiting jobs, and wait for the running one, but no longer than some seconds.

        A thread that is in C++ code when the interpreter ends aborts the process.
        """
        self._stopping = True
        self._jobs.put(_Job(-1, next(self._numbers), lambda: None, Future(), None))  # wakes it
        self._thread.join(seconds)

    def submit(
        self, urgency: Urgency, run: Callable[[], T], client: Hashable = None
    ) -> "Future[T]":
        """Queue a job. Of the jobs of one client only the latest is run; others are Superseded."""
        number = next(self._numbers)
        if client is not None:
            self._latest[client] = number
        future: Future[T] = Future()
        self._jobs.put(_Job(urgency, number, run, future, client))
        return future

    def run_waiting(self, urgency: Urgency) -> None:
        """Run the waiting jobs of at least this urgency now, inside the job that calls it.

        Raises Superseded if the worker is being stopped, to end that job.
        """
        while True:
            if self._stopping:
                raise Superseded
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if job.urgency > urgency:
                self._jobs.put(job)
                return
            self._run(job)

    def _work(self) -> None:
        while not self._stopping:
            self._run(self._jobs.get())

    def _run(self, job: _Job) -> None:
        if not job.future.set_running_or_notify_cancel():
            return
        if job.client is not None and self._latest.get(job.client) != job.number:
            job.future.set_exception(Superseded())
            return
        try:
            job.future.set_result(job.run())
        except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
            job.future.set_exception(error)
