"""The workers of a Dask cluster: dask.distributed's own executor, with a look at what is there."""

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
from mel_debug.jobs.results import WorkerSetupError, reason_of
from mel_debug.jobs.threads import limit_threads
from mel_debug.jobs.workers import Workers
from mel_debug.version import __version__

if TYPE_CHECKING:
    from distributed import Client

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE_SECONDS = 5.0
"""How long a scheduler may take to answer, and then to have a worker."""

RETRIES = 2
"""How often Dask repeats a call that raised what nobody foresaw, such as an error of a disk.

How often it repeats one whose worker died is the scheduler's own setting,
`distributed.scheduler.allowed-failures`, 3 by default.
"""

COUNT_EVERY_SECONDS = 10.0
"""Workers come and go; they are counted anew after this long."""

LONELY_SECONDS = 60.0
"""A cluster without workers may get new ones; after this long that is not waited for any more."""

SAME_EVERYWHERE = ("dask", "distributed")

CHATTY = ("distributed.client", "tornado.application")
"""Loggers that tell of a lost scheduler, or of a call cut off by Ctrl-C, in tracebacks."""


class Cluster(Workers):
    """Whatever workers the scheduler has at the moment. Raises MelError when it can't be used."""

    def __init__(self, address: str) -> None:
        _import()
        with ExitStack() as undo:
            undo.enter_context(_hushed())
            self._client = _connected(address)
            undo.callback(self._client.close)
            _check(self._client, address)
            self._close = undo.pop_all().close
        # Not pure: what a call gives depends on files as well, so equal calls are not one call.
        self._executor = self._client.get_executor(retries=RETRIES, pure=False)
        self._address = address
        self._counted = 0.0
        self._threads = 1
        self._seen = time.monotonic()

    @property
    def queue_depth(self) -> int:
        if time.monotonic() - self._counted > COUNT_EVERY_SECONDS:
            self._count()
        return 2 * max(1, self._threads)

    def check_alive(self) -> None:
        self._count()
        if time.monotonic() - self._seen > LONELY_SECONDS:
            raise MelError(
                f"the scheduler {self._address} has no workers any more, or is gone itself; "
                "what is done is kept: start new ones and run again"
            )

    def _count(self) -> None:
        self._counted = time.monotonic()
        try:
            self._threads = sum(self._client.nthreads().values())
        except Exception:  # noqa: BLE001 - a lost scheduler: Dask raises what it likes
            self._threads = 0
        if self._threads:
            self._seen = self._counted

    def deaths(self, error: BaseException) -> int:
        from distributed import KilledWorker

        return 2 * isinstance(error, KilledWorker)  # it tells of `allowed-failures` + 1 of them

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = self._executor.submit(_on_node, fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._executor.shutdown(wait=wait and not cancel_futures)
        self._close()

    def stop(self) -> None:
        self.shutdown(wait=False)


@contextmanager
def _hushed() -> Iterator[None]:
    """Whoever waits for a call is told in one line what became of it."""
    loggers = [logging.getLogger(name) for name in CHATTY]
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
        import distributed  # noqa: F401 - sets its loggers up, which is then undone
    except ImportError as error:
        raise MelError(
            "`scheduler` needs dask.distributed; try: pip install 'mel-debug[cluster]'"
        ) from error


def _connected(address: str) -> "Client":
    import distributed

    try:
        with ThreadPoolExecutor(1) as thread:  # the caller's may have an event loop already
            thread.submit(asyncio.run, _knock(address)).result()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # releases that differ are told by `_check`
            return distributed.Client(address, timeout=PATIENCE_SECONDS, set_as_default=False)
    except Exception as error:
        raise MelError(
            f"no Dask scheduler answers at {address} ({reason_of(error)}); is it running, and is "
            "this the address that `dask scheduler` printed? "
            f"It must have distributed {distributed.__version__}, as this machine"
        ) from error


async def _knock(address: str) -> None:
    """Raise unless a scheduler answers; a Client waits for ever for one that takes a call only."""
    from distributed import Security
    from distributed.comm import connect

    security = Security().get_connection_args("client")
    call = connect(address, timeout=PATIENCE_SECONDS, **security)
    comm = await asyncio.wait_for(call, PATIENCE_SECONDS + 1)
    await comm.close()


def _check(client: "Client", address: str) -> None:
    """That there are workers, and that every node has what this machine has."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE_SECONDS)
    except TimeoutError:
        raise MelError(
            f"the scheduler {address} has no workers; start some: dask worker {address}"
        ) from None
    versions = client.get_versions()
    here = versions["client"]["packages"]
    for node, told in _by_node(address, versions["scheduler"], versions["workers"]):
        for name in SAME_EVERYWHERE:
            _compare(node, name, told["packages"][name], here[name])
    on_scheduler = client.run_on_scheduler(_release)
    on_workers = client.run(_release, on_error="return")
    for node, release in _by_node(address, on_scheduler, on_workers):
        _compare(node, "mel-debug", release, __version__)


def _by_node(address: str, scheduler: Any, workers: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield f"the scheduler {address}", scheduler
    yield from ((f"the worker {worker}", told) for worker, told in workers.items())


def _compare(node: str, package: str, there: object, here: object) -> None:
    if there != here:
        raise MelError(
            f"{node} has {package} {there}, this machine {here}; install the same on every machine"
        )


def _release() -> str:
    return __version__


_one_at_a_time = threading.Lock()


def _on_node(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """A call on a worker of the cluster.

    A worker with several threads makes one call at a time, with so many threads for the libraries:
    a plugin's extractor need not bear two calls at once.
    """
    with _one_at_a_time:
        _share_cores()
        try:
            return fn(*args, **kwargs)
        except WorkerSetupError as error:
            raise WorkerSetupError(
                f"the worker on {socket.gethostname()} can't take part: {error}"
            ) from None


@functools.cache
def _share_cores() -> None:
    from distributed import get_worker

    limit_threads(get_worker().state.nthreads)
