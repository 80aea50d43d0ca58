"""Opening workers: this process, worker processes, or the workers of a Dask cluster."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from mel_debug.core.errors import UsageError
from mel_debug.jobs.signals import DeferredSignals
from mel_debug.jobs.workers import InProcess, Workers

ADDRESS = re.compile(r"(tcp|tls|ucx|ws|wss)://\S+:\d+")
"""The form of a Dask scheduler's address. Dask may block for ever on any other text."""


@contextmanager
def open_executor(
    jobs: int = 1, scheduler: str | None = None, prepare: Callable[[], object] | None = None
) -> Iterator[Workers]:
    """Workers for `stream`, which exist until the end of the block.

    With one job and no scheduler, calls run in this process at the time they are submitted. With
    more jobs, they run in that many new processes; one that dies is replaced. With a `scheduler`,
    such as `tcp://10.0.0.5:8786`, they run on the workers of that Dask cluster, which repeats the
    calls of a dead worker. Calls and results must be picklable, except within this process.

    With several jobs, each process runs `prepare` when it starts, for example to import what the
    calls need; its errors are ignored. Open them before other work of this process, which then goes
    on at the same time.

    If the block ends with an exception, running calls are not waited for. With several jobs,
    Ctrl-C, SIGTERM and SIGHUP are raised by `stream` once it has made a call, as KeyboardInterrupt
    or its subclass `errors.Terminated`. Raises UsageError for invalid arguments, and MelError if
    the scheduler cannot be used.
    """
    check_workers(jobs, scheduler)
    signals = DeferredSignals()
    with signals.handled() if jobs > 1 else nullcontext():
        workers = _opened(jobs, scheduler, signals, prepare)
        try:
            signals.raise_at_once()
            yield workers
            workers.check_signals()
            workers.shutdown(wait=True, cancel_futures=True)
        except BaseException:
            workers.stop()
            raise


def check_workers(jobs: int, scheduler: str | None) -> None:
    """Raise UsageError for invalid arguments of `open_executor`, without opening anything."""
    if jobs < 1:
        raise UsageError(f"there must be at least one job, not {jobs}")
    if scheduler is not None and jobs > 1:
        raise UsageError(
            "`jobs` and `scheduler` exclude each other, because a cluster has its own workers; "
            "give one of them"
        )
    if scheduler is not None and not ADDRESS.fullmatch(scheduler):
        raise UsageError(
            f"`scheduler` takes an address such as tcp://10.0.0.5:8786, not {scheduler!r}; "
            "`dask scheduler` prints it"
        )


def _opened(
    jobs: int,
    scheduler: str | None,
    signals: DeferredSignals,
    prepare: Callable[[], object] | None,
) -> Workers:
    if scheduler is not None:
        from mel_debug.jobs.cluster import Cluster

        return Cluster(scheduler)
    if jobs > 1:
        from mel_debug.jobs.pool import Pool

        return Pool(jobs, signals, prepare)
    return InProcess()
