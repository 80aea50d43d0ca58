"""Worker processes on this machine that are replaced when they die."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from typing import ParamSpec, TypeVar

from mel_debug.jobs.signals import Ending
from mel_debug.jobs.threads import limited_children, threads_for
from mel_debug.jobs.workers import Workers

P = ParamSpec("P")
T = TypeVar("T")


class Pool(Workers):
    """So many processes, each with its share of the cores.

    When one dies, all calls under way end with BrokenExecutor, as in `ProcessPoolExecutor`; the
    next call starts new processes.
    """

    def __init__(self, jobs: int, ending: Ending | None = None) -> None:
        self._jobs = jobs
        self._ending = ending or Ending()
        self._processes: set[BaseProcess] = set()
        _start_tracker()
        self._pool = self._new_pool()

    @property
    def queue_depth(self) -> int:
        return 2 * self._jobs

    def deaths(self, error: BaseException) -> int:
        return int(isinstance(error, BrokenExecutor))

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        try:
            return self._submitted(fn, *args, **kwargs)
        except BrokenExecutor:
            self._pool.shutdown()
            self._processes.clear()
            self._pool = self._new_pool()
            return self._submitted(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)

    def check_signals(self) -> None:
        self._ending.check()

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        self.shutdown(wait=True, cancel_futures=True)

    def _new_pool(self) -> ProcessPoolExecutor:
        # Not forked: the threads of torch and OpenMP do not survive that.
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._jobs, spawn, initializer=_begin)

    def _submitted(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        if len(self._processes) == self._jobs:
            return self._pool.submit(fn, *args, **kwargs)
        before = set(multiprocessing.active_children())
        limited = limited_children(threads_for(self._jobs))
        with limited, _deaf_to_interrupts():
            future = self._pool.submit(fn, *args, **kwargs)  # starts a process if none is idle
            self._processes |= set(multiprocessing.active_children()) - before
        return future


def _start_tracker() -> None:
    """Start what cleans up after workers so that SIGHUP to all of a terminal does not end it.

    It ignores SIGINT and SIGTERM by itself; a blocked signal is inherited.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        resource_tracker.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Ctrl-C goes to every process of a terminal; processes started within leave it to this one."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # it changes the mask itself when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """Before a worker's first call."""
    from mel_debug.plugins.registry import load_registry

    threading.Thread(target=_end_with_parent, daemon=True).start()
    with redirect_stderr(StringIO()):  # whoever started us has said which plugins are broken
        load_registry()


def _end_with_parent() -> None:
    """A parent that is killed takes nobody along; a worker that nobody waits for would stay."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
