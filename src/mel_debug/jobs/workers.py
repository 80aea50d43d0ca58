"""The interface of workers, and the simplest kind: this process itself."""

from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Workers(Executor):
    """An executor that also reports how many calls to queue and whether a worker died."""

    @property
    @abstractmethod
    def queue_depth(self) -> int:
        """How many calls to keep submitted, so that no worker has to wait for the next one."""

    @abstractmethod
    def deaths(self, error: BaseException) -> int:
        """The number of workers that died while running the call that raised `error`.

        It is a lower bound, and 0 for ordinary errors. Other calls that were running at the time
        may raise the same error.
        """

    def check_alive(self) -> None:
        """Raise MelError if no worker is left. Called while no result has arrived for a while."""

    def check_signals(self) -> None:
        """Raise KeyboardInterrupt if a signal has requested it. Called several times a second."""

    @abstractmethod
    def stop(self) -> None:
        """Cancel queued calls and return without waiting for the running ones."""


class InProcess(Workers):
    """Runs each call in the calling thread, at the time it is submitted."""

    queue_depth = 1

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run the call and return its completed future. KeyboardInterrupt is raised directly."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - raised again by `Future.result`
            future.set_exception(error)
        return future

    def deaths(self, error: BaseException) -> int:
        return 0

    def stop(self) -> None:
        """Do nothing: no call outlives `submit`."""
