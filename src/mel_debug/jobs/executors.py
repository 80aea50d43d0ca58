"""Executors as in `concurrent.futures`: in this process, in others, or on a Dask cluster."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from mel_debug.core.errors import UsageError
from mel_debug.jobs.signals import Ending
from mel_debug.jobs.workers import InProcess, Workers

ADDRESS = re.compile(r"(tcp|tls|ucx|ws|wss)://\S+:\d+")
"""What a Dask scheduler says its address is; a Client given anything else may wait for ever."""


@contextmanager
def open_executor(jobs: int = 1, scheduler: str | None = None) -> Iterator[Workers]:
    """Workers for as long as the block lasts: an executor for `stream`.

    With one job and no scheduler a call is made in this process when it is submitted. With more
    jobs, calls go to so many new processes; one that dies is replaced. With a `scheduler`, such as
    `tcp://10.0.0.5:8786`, they go to the workers of that Dask cluster, which repeats what a dead
    worker had begun. Calls and their results must be picklable, except in this process.

    A block left by an exception does not wait for calls under way. With more jobs than one, Ctrl-C,
    SIGTERM and SIGHUP are raised from `stream`, as KeyboardInterrupt or `errors.Terminated`, which
    is a kind of it; where nothing is streaming, a second signal is raised at once after a few
    seconds. Raises UsageError for a request that makes no sense, MelError when the scheduler can't
    be used.
    """
    check_workers(jobs, scheduler)
    ending = Ending()
    with ending.handled() if jobs > 1 else nullcontext():
        workers = _opened(jobs, scheduler, ending)
        try:
            yield workers
            workers.check_signals()
            workers.shutdown(wait=True, cancel_futures=True)
        except BaseException:
            workers.stop()
            raise


def check_workers(jobs: int, scheduler: str | None) -> None:
    """Raise UsageError for what `open_executor` can't take; nothing is opened."""
    if jobs < 1:
        raise UsageError(f"there must be at least one job, not {jobs}")
    if scheduler is not None and jobs > 1:
        raise UsageError(
            "`jobs` and `scheduler` exclude each other, for a cluster has its own workers; "
            "give one of them"
        )
    if scheduler is not None and not ADDRESS.fullmatch(scheduler):
        raise UsageError(
            f"`scheduler` takes an address such as tcp://10.0.0.5:8786, not {scheduler!r}; "
            "`dask scheduler` prints its own"
        )


def _opened(jobs: int, scheduler: str | None, ending: Ending) -> Workers:
    if scheduler is not None:
        from mel_debug.jobs.cluster import Cluster

        return Cluster(scheduler)
    if jobs > 1:
        from mel_debug.jobs.pool import Pool

        return Pool(jobs, ending)
    return InProcess()
