"""Streaming items to workers and their results back, also when workers die."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from mel_debug.core.errors import MelError, recorded_warnings, warn
from mel_debug.jobs.results import Done, Failed, WorkerError, WorkerSetupError, reason_of
from mel_debug.jobs.workers import Workers
from mel_debug.version import __version__

MAX_DEATHS = 2
"""An item is given up after this many workers have died while it was the only one running."""

MAX_GIVEN_UP = 3
"""If this many items are given up before any has a result, the workers are at fault."""

ALIVE_CHECK_SECONDS = 10.0
"""After this long without a result, the workers are checked."""

SIGNAL_CHECK_SECONDS = 0.2
"""The longest delay between a signal and its exception."""

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")


class Progress(Protocol):
    """Yields the items unchanged and displays how much of `length` is done.

    `unit` is the word for what is counted, such as photos. `weigh` counts it in an item; without it
    an item counts as one.
    """

    def __call__(
        self,
        items: Iterable[T],
        label: str,
        length: int,
        unit: str,
        weigh: Callable[[T], int] | None = None,
        /,
    ) -> Iterable[T]: ...


@dataclass(frozen=True, slots=True)
class _Answer(Generic[Result]):
    """The result of a call or the reason why it failed, and the texts of its warnings."""

    result: Result | None
    reason: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Attempt(Generic[Item]):
    item: Item
    alone: bool = False
    deaths: int = 0


def stream(
    workers: Workers, work: Callable[[Item], Result], items: Iterable[Item]
) -> Generator[Done[Item, Result] | Failed[Item], None, None]:
    """Run `work` on each item; yields results in the order of completion.

    `work` and the items must be picklable unless `workers` is this process. Items are taken as
    workers become free, so the iterable may be long. An item whose work raises an error is
    `Failed` and does not stop the others.

    When a worker dies, the running items are repeated one at a time, which finds an item that kills
    its workers; it is `Failed` after `MAX_DEATHS`. Closing the generator cancels waiting items.
    Raises WorkerSetupError if `work` raises it, and MelError if all workers are lost.
    """
    stream = _Stream(workers, work)
    try:
        yield from stream.run(items)
    finally:
        stream.drop()


class _Stream(Generic[Item, Result]):
    """The running items, and those suspected of having killed a worker."""

    def __init__(self, workers: Workers, work: Callable[[Item], Result]) -> None:
        self.workers = workers
        self.work = work
        self.running: dict[Future[_Answer[Result]], _Attempt[Item]] = {}
        self.suspects: deque[_Attempt[Item]] = deque()
        self.has_results = False
        self.given_up = 0

    def run(
        self, items: Iterable[Item]
    ) -> Generator[Done[Item, Result] | Failed[Item], None, None]:
        fresh = (_Attempt(item) for item in items)
        while True:
            if self.suspects and not self.running:
                suspect = self.suspects.popleft()
                suspect.alone = True
                self.submit(suspect)
            elif not self.suspects and not any(one.alone for one in self.running.values()):
                while len(self.running) < self.workers.queue_depth and (one := next(fresh, None)):
                    self.submit(one)
            if not self.running:
                return
            for future in self.completed():
                outcome = self.outcome(self.running.pop(future), future)
                if outcome is not None:
                    yield outcome

    def completed(self) -> set[Future[_Answer[Result]]]:
        """The completed calls as soon as there are any; none after `ALIVE_CHECK_SECONDS`."""
        until = time.monotonic() + ALIVE_CHECK_SECONDS
        while True:
            self.workers.check_signals()
            done = wait(self.running, SIGNAL_CHECK_SECONDS, FIRST_COMPLETED).done
            if done:
                return done
            if time.monotonic() > until:
                self.workers.check_alive()
                return set()

    def submit(self, attempt: _Attempt[Item]) -> None:
        future = self.workers.submit(_called, __version__, self.work, attempt.item)
        self.running[future] = attempt

    def drop(self) -> None:
        for future in self.running:
            future.cancel()

    def outcome(
        self, attempt: _Attempt[Item], future: Future[_Answer[Result]]
    ) -> Done[Item, Result] | Failed[Item] | None:
        """The result of an item; None if it has to be repeated."""
        try:
            answer = future.result()
        except WorkerSetupError:
            raise
        except CancelledError:
            raise MelError(
                "all workers are lost; finished work is kept, so run the command again"
            ) from None
        except Exception as error:  # noqa: BLE001 - one bad item must not stop the others
            return self.failure(attempt, error)
        self.has_results = True
        for text in answer.warnings:
            warn(text)
        if answer.reason is not None:
            return Failed(attempt.item, answer.reason)
        return Done(attempt.item, answer.result)  # type: ignore[arg-type] # without a reason it has a result

    def failure(self, attempt: _Attempt[Item], error: Exception) -> Failed[Item] | None:
        deaths = self.workers.deaths(error)
        if not deaths:
            return Failed(attempt.item, reason_of(error))
        attempt.deaths += deaths if attempt.alone else 0
        if attempt.deaths < MAX_DEATHS:
            self.suspects.append(attempt)
            return None
        self.given_up += 1
        if self.given_up >= MAX_GIVEN_UP and not self.has_results:
            raise MelError(
                f"workers die on every item, last on {attempt.item}; is there too little memory? "
                "try fewer `jobs` or a smaller `image_size`, or leave out `jobs` and `scheduler` "
                "to see the cause"
            )
        return Failed(
            attempt.item,
            "its worker died at each attempt; is there too little memory? "
            "try fewer `jobs` or a smaller `image_size`",
        )


def _called(release: str, work: Callable[[Item], Result], item: Item) -> _Answer[Result]:
    """Run one call on a worker. Raises WorkerSetupError, and WorkerError for unexpected errors.

    Executors may repeat calls with unexpected errors, but not those with a MelError.
    """
    if release != __version__:
        raise WorkerSetupError(f"it has mel-debug {__version__}, but the run uses {release}")
    with recorded_warnings() as texts:
        try:
            result, reason = work(item), None
        except WorkerSetupError:
            raise
        except MelError as error:
            result, reason = None, reason_of(error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
            raise WorkerError(reason_of(error)) from None
    return _Answer(result, reason, tuple(texts))
