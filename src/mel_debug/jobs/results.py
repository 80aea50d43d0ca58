"""The results of work on an item, and the errors that a call on a worker may raise."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from mel_debug.core.errors import MelError, one_line, text_of

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Done(Generic[Item, Result]):
    """An item and the result of its work."""

    item: Item
    result: Result


@dataclass(frozen=True, slots=True)
class Failed(Generic[Item]):
    """An item whose work raised an error, and the reason in one line."""

    item: Item
    reason: str


class WorkerSetupError(MelError):
    """A worker cannot do any of the work, for example for lack of weights. Ends the whole run."""


class WorkerError(Exception):
    """An unexpected error as a text, because the error itself may not be picklable."""


def reason_of(error: BaseException) -> str:
    """The message of an error in one line."""
    return one_line(error) if isinstance(error, WorkerError) else text_of(error)


@contextmanager
def as_setup_error() -> Iterator[None]:
    """Raise any error of the block as WorkerSetupError: the worker is at fault, not the item."""
    try:
        yield
    except Exception as error:
        raise WorkerSetupError(reason_of(error)) from error
