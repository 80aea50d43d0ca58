"""What comes of a piece of work, and the two ways in which a call on a worker may end badly."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from mel_debug.core.errors import MelError, one_line, text_of

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Done(Generic[Item, Result]):
    """An item and what the work gave for it."""

    item: Item
    result: Result


@dataclass(frozen=True, slots=True)
class Failed(Generic[Item]):
    """An item that nothing came of, and why, in one line."""

    item: Item
    reason: str


class WorkerSetupError(MelError):
    """A worker can do none of the work, such as one without the weights; ends the whole run."""


class WorkerError(Exception):
    """An error that nobody foresaw, as text, for it may be of a kind that can't be pickled."""


def reason_of(error: BaseException) -> str:
    """An error in one line, as a person is told."""
    return one_line(error) if isinstance(error, WorkerError) else text_of(error)


@contextmanager
def as_setup_error() -> Iterator[None]:
    """Raise any error of the block as WorkerSetupError: the worker is at fault, not the item."""
    try:
        yield
    except Exception as error:
        raise WorkerSetupError(reason_of(error)) from error
