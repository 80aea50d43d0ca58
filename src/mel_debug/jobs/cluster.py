"""The workers of a Dask cluster, through the executor of dask.distributed, checked before use."""

import asyncio
import functools
import logging
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from mel_debug.core.errors import MelError
from mel_debug.jobs.allocation import keep_freed_memory
from mel_debug.jobs.results import WorkerSetupError, reason_of
from mel_debug.jobs.threads import limit_threads
from mel_debug.jobs.workers import Workers
from mel_debug.version import __version__

if TYPE_CHECKING:
    from distributed import Client

P = ParamSpec("P")
T = TypeVar("T")

CONNECT_SECONDS = 5.0
"""The time limit for connecting to a scheduler, and then for its first worker to appear."""

RETRIES = 2
"""How often Dask repeats a call that raised an unexpected error, such as one of a disk.

How often it repeats a call whose worker died is a setting of the scheduler,
`distributed.scheduler.allowed-failures`, 3 by default.
"""

COUNT_SECONDS = 10.0
"""The interval at which workers are counted, as they may join and leave."""

NO_WORKERS_SECONDS = 60.0
"""How long to wait for new workers when a cluster has lost all of its own."""

SAME_VERSION = ("dask", "distributed")
"""Packages that must have the same version on every machine, besides mel-debug."""

NOISY_LOGGERS = ("distributed.client", "tornado.application")
"""Loggers that print tracebacks for a lost scheduler or a call that Ctrl-C has cancelled."""


class Cluster(Workers):
    """The current workers of a scheduler. Raises MelError if the scheduler cannot be used."""

    def __init__(self, address: str) -> None:
        _import()
        with ExitStack() as undo:
            undo.enter_context(_quiet_loggers())
            self._client = _connected(address)
            undo.callback(self._client.close)
            _check(self._client, address)
            self._close = undo.pop_all().close
        # Not pure: results depend on files too, so Dask must not merge equal calls.
        self._executor = self._client.get_executor(retries=RETRIES, pure=False)
        self._address = address
        self._counted_at = 0.0
        self._threads = 1
        self._last_worker = time.monotonic()

    @property
    def queue_depth(self) -> int:
        if time.monotonic() - self._counted_at > COUNT_SECONDS:
            self._count()
        return 2 * max(1, self._threads)

    def check_alive(self) -> None:
        self._count()
        if time.monotonic() - self._last_worker > NO_WORKERS_SECONDS:
            raise MelError(
                f"the scheduler {self._address} has lost all its workers, or has ended itself; "
                "finished work is kept: start new workers and run again"
            )

    def _count(self) -> None:
        self._counted_at = time.monotonic()
        try:
            self._threads = sum(self._client.nthreads().values())
        except Exception:  # noqa: BLE001 - for a lost scheduler Dask raises various errors
            self._threads = 0
        if self._threads:
            self._last_worker = self._counted_at

    def deaths(self, error: BaseException) -> int:
        from distributed import KilledWorker

        return 2 * isinstance(error, KilledWorker)  # raised after `allowed-failures` + 1 deaths

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = self._executor.submit(_on_node, fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._executor.shutdown(wait=wait and not cancel_futures)
        self._close()

    def stop(self) -> None:
        self.shutdown(wait=False)


@contextmanager
def _quiet_loggers() -> Iterator[None]:
    """Silence tracebacks of libraries: errors are reported in one line elsewhere."""
    loggers = [logging.getLogger(name) for name in NOISY_LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _import() -> None:
    try:
        import distributed  # noqa: F401 - configures its loggers, which `_quiet_loggers` then changes
    except ImportError as error:
        raise MelError(
            "`scheduler` needs dask.distributed: pip install 'mel-debug[cluster]'"
        ) from error


def _connected(address: str) -> "Client":
    import distributed

    try:
        with ThreadPoolExecutor(1) as thread:  # the caller's thread may have an event loop already
            thread.submit(asyncio.run, _check_reachable(address)).result()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # differing versions are reported by `_check`
            return distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except Exception as error:
        raise MelError(
            f"no Dask scheduler answers at {address} ({reason_of(error)}); is it running, and is "
            "this the address that `dask scheduler` printed? "
            f"It must have distributed {distributed.__version__}, like this machine"
        ) from error


async def _check_reachable(address: str) -> None:
    """Raise an error unless a scheduler answers.

    A Client blocks for ever if something accepts the connection but does not answer.
    """
    from distributed import Security
    from distributed.comm import connect

    security = Security().get_connection_args("client")
    call = connect(address, timeout=CONNECT_SECONDS, **security)
    comm = await asyncio.wait_for(call, CONNECT_SECONDS + 1)
    await comm.close()


def _check(client: "Client", address: str) -> None:
    """Raise MelError unless there are workers and all machines have the same versions."""
    try:
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
    except TimeoutError:
        raise MelError(
            f"the scheduler {address} has no workers; start some: dask worker {address}"
        ) from None
    versions = client.get_versions()
    here = versions["client"]["packages"]
    for node, found in _by_node(address, versions["scheduler"], versions["workers"]):
        for name in SAME_VERSION:
            _compare(node, name, found["packages"][name], here[name])
    on_scheduler = client.run_on_scheduler(_release)
    on_workers = client.run(_release, on_error="return")
    for node, release in _by_node(address, on_scheduler, on_workers):
        _compare(node, "mel-debug", release, __version__)


def _by_node(address: str, scheduler: Any, workers: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield f"the scheduler {address}", scheduler
    yield from ((f"the worker {worker}", found) for worker, found in workers.items())


def _compare(node: str, package: str, there: object, here: object) -> None:
    if there != here:
        raise MelError(
            f"{node} has {package} {there}, but this machine has {here}; install the same version "
            "on every machine"
        )


def _release() -> str:
    return __version__


_one_at_a_time = threading.Lock()


def _on_node(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a call on a worker of the cluster.

    A worker with several threads runs one call at a time and gives its threads to the libraries,
    because the extractor of a plugin need not be thread-safe.
    """
    with _one_at_a_time:
        _prepare_worker()
        try:
            return fn(*args, **kwargs)
        except WorkerSetupError as error:
            raise WorkerSetupError(
                f"the worker on {socket.gethostname()} cannot be used: {error}"
            ) from None


@functools.cache
def _prepare_worker() -> None:
    from distributed import get_worker

    keep_freed_memory()
    limit_threads(get_worker().state.nthreads)
