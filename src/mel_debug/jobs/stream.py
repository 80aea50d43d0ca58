"""Handing out work and giving back what comes of it, whoever does it and whatever befalls them."""

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

MOST_DEATHS = 2
"""Workers that may die over one item while it is the only one under way; then it is given up."""

HOPELESS = 3
"""Items given up before any was answered for, from which on it is the workers that are at fault."""

LOOK_EVERY_SECONDS = 10.0
"""How long nothing may come back before the workers are asked whether anything will."""

CHECK_EVERY_SECONDS = 0.2
"""How long a signal that asks to end may go unseen."""

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")


class Progress(Protocol):
    """Yields the items unchanged and displays how many of `length` have been taken so far."""

    def __call__(self, items: Iterable[T], label: str, length: int, /) -> Iterable[T]: ...


@dataclass(frozen=True, slots=True)
class _Answer(Generic[Result]):
    """What a call gave, or why it gave nothing, and the texts of its warnings."""

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
    """Each item with what `work` gives for it, as they are completed, in no order.

    `work` and the items must be picklable (a function of a module) unless `workers` is this
    process. Items are taken as workers come free, so there may be many. An item whose work raises
    is `Failed`, and the rest goes on; a MelError is told by its text alone.

    When a worker dies, items that were under way are repeated one at a time, so that one that kills
    its workers is found, and `Failed` when it did so again and again. Closing the generator drops
    what waits. Raises WorkerSetupError, when work does, and MelError when all workers are lost.
    """
    stream = _Stream(workers, work)
    try:
        yield from stream.run(items)
    finally:
        stream.drop()


class _Stream(Generic[Item, Result]):
    """The items under way, and those suspected of killing their worker."""

    def __init__(self, workers: Workers, work: Callable[[Item], Result]) -> None:
        self.workers = workers
        self.work = work
        self.flying: dict[Future[_Answer[Result]], _Attempt[Item]] = {}
        self.suspects: deque[_Attempt[Item]] = deque()
        self.answered = False
        self.given_up = 0

    def run(
        self, items: Iterable[Item]
    ) -> Generator[Done[Item, Result] | Failed[Item], None, None]:
        fresh = (_Attempt(item) for item in items)
        while True:
            if self.suspects and not self.flying:
                suspect = self.suspects.popleft()
                suspect.alone = True
                self.submit(suspect)
            elif not self.suspects and not any(one.alone for one in self.flying.values()):
                while len(self.flying) < self.workers.queue_depth and (one := next(fresh, None)):
                    self.submit(one)
            if not self.flying:
                return
            for future in self.completed():
                outcome = self.outcome(self.flying.pop(future), future)
                if outcome is not None:
                    yield outcome

    def completed(self) -> set[Future[_Answer[Result]]]:
        """What is completed, as soon as something is; nothing after `LOOK_EVERY_SECONDS`."""
        until = time.monotonic() + LOOK_EVERY_SECONDS
        while True:
            self.workers.check_signals()
            done = wait(self.flying, CHECK_EVERY_SECONDS, FIRST_COMPLETED).done
            if done:
                return done
            if time.monotonic() > until:
                self.workers.check_alive()
                return set()

    def submit(self, attempt: _Attempt[Item]) -> None:
        future = self.workers.submit(_called, __version__, self.work, attempt.item)
        self.flying[future] = attempt

    def drop(self) -> None:
        for future in self.flying:
            future.cancel()

    def outcome(
        self, attempt: _Attempt[Item], future: Future[_Answer[Result]]
    ) -> Done[Item, Result] | Failed[Item] | None:
        """What became of an item; None when it has to be tried again."""
        try:
            answer = future.result()
        except WorkerSetupError:
            raise
        except CancelledError:
            raise MelError("the workers are gone; what is done is kept: run again") from None
        except Exception as error:  # noqa: BLE001 - one bad item must not stop the rest
            return self.failure(attempt, error)
        self.answered = True
        for text in answer.warnings:
            warn(text)
        if answer.reason is not None:
            return Failed(attempt.item, answer.reason)
        return Done(attempt.item, answer.result)  # type: ignore[arg-type] # no reason: a result

    def failure(self, attempt: _Attempt[Item], error: Exception) -> Failed[Item] | None:
        deaths = self.workers.deaths(error)
        if not deaths:
            return Failed(attempt.item, reason_of(error))
        attempt.deaths += deaths if attempt.alone else 0
        if attempt.deaths < MOST_DEATHS:
            self.suspects.append(attempt)
            return None
        self.given_up += 1
        if self.given_up >= HOPELESS and not self.answered:
            raise MelError(
                f"workers die over everything they begin, last over {attempt.item}; was memory "
                "short? try fewer `jobs`, a smaller `image_size`, or neither `jobs` nor "
                "`scheduler` to see what is wrong"
            )
        return Failed(
            attempt.item,
            "its worker died each time it was tried; was memory short? "
            "try fewer `jobs` or a smaller `image_size`",
        )


def _called(release: str, work: Callable[[Item], Result], item: Item) -> _Answer[Result]:
    """One call, on the worker. Raises WorkerSetupError, and WorkerError for what may yet go well."""
    if release != __version__:
        raise WorkerSetupError(f"it has mel-debug {__version__}, but this run is of {release}")
    with recorded_warnings() as told:
        try:
            result, reason = work(item), None
        except WorkerSetupError:
            raise
        except MelError as error:
            result, reason = None, reason_of(error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
            raise WorkerError(reason_of(error)) from None
    return _Answer(result, reason, tuple(told))
