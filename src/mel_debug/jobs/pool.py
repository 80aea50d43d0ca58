"""Worker processes on this machine that are replaced when they die."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager, redirect_stderr, suppress
from io import StringIO
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from typing import Any, ParamSpec, TypeVar

from mel_debug.jobs.signals import DeferredSignals
from mel_debug.jobs.threads import limited_children, threads_for
from mel_debug.jobs.workers import Workers

P = ParamSpec("P")
T = TypeVar("T")


class Pool(Workers):
    """A fixed number of processes, each with its share of the cores.

    They start at once, and run `prepare` before their first call, while this process plans the
    work. When one dies, all running calls raise BrokenExecutor, as in `ProcessPoolExecutor`; the
    next call starts new processes.
    """

    def __init__(
        self,
        jobs: int,
        signals: DeferredSignals | None = None,
        prepare: Callable[[], object] | None = None,
    ) -> None:
        self._jobs = jobs
        self._prepare = prepare
        self._signals = signals or DeferredSignals()
        self._processes: set[BaseProcess] = set()
        _start_tracker()
        self._pool = self._new_pool()
        for _ in range(jobs):
            self._submitted(_nothing)

    @property
    def queue_depth(self) -> int:
        return 2 * self._jobs

    def deaths(self, error: BaseException) -> int:
        return int(isinstance(error, BrokenExecutor))

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        self._signals.defer()
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
        self._signals.check()

    def stop(self) -> None:
        # First, so that the pool does not take the ended processes for broken ones: it would fail
        # their calls, which raises InvalidStateError for a cancelled one.
        manager: Any = self._pool._executor_manager_thread  # noqa: SLF001 - no public way to join it
        self.shutdown(wait=False, cancel_futures=True)
        for process in self._processes:
            process.terminate()
        # Else it may close its pipe just when the interpreter, which is ending, writes to it.
        if manager is not None:
            manager.join()

    def _new_pool(self) -> ProcessPoolExecutor:
        # Not forked: the threads of torch and OpenMP do not survive a fork.
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(
            self._jobs, spawn, initializer=_initialise, initargs=(self._prepare,)
        )

    def _submitted(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        if len(self._processes) == self._jobs:
            return self._pool.submit(fn, *args, **kwargs)
        before = set(multiprocessing.active_children())
        limited = limited_children(threads_for(self._jobs))
        with limited, _interrupts_blocked():
            future = self._pool.submit(fn, *args, **kwargs)  # starts a process if none is idle
            self._processes |= set(multiprocessing.active_children()) - before
        return future


def _start_tracker() -> None:
    """Start the resource tracker, which cleans up after workers, with SIGHUP blocked.

    So it survives a closing terminal; it ignores SIGINT and SIGTERM by itself.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        resource_tracker.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block SIGINT in processes started in the block: only this process is to handle Ctrl-C."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # starting it would change the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _nothing() -> None:
    """A call that starts a process."""


def _initialise(prepare: Callable[[], object] | None) -> None:
    """Run in each worker before its first call."""
    from mel_debug.plugins.registry import load_registry

    threading.Thread(target=_end_with_parent, daemon=True).start()
    with redirect_stderr(StringIO()):  # the main process has reported broken plugins
        load_registry()
    if prepare is not None:
        with suppress(Exception):  # the first call raises it again, where it is reported
            prepare()


def _end_with_parent() -> None:
    """Exit when the main process has ended; a killed process does not end its children."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
