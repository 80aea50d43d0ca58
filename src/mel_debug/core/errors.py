"""The errors and warnings a person may meet: one line each; errors have an exit code as well."""

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

OUT_OF_MEMORY = "not enough memory; try a smaller `image_size`, or fewer `jobs`"

_OUT_OF_MEMORY_TEXTS = (
    "out of memory",  # torch on a GPU
    "allocate memory",  # torch on a CPU, operating systems
    "insufficient memory",  # OpenCV
    "bad alloc",  # C++, thus OpenVINO
    "bad_alloc",
    "not enough memory",
)


class MelWarning(UserWarning):
    """Something to know about a result that was produced all the same, in one line."""


def warn(message: str) -> None:
    """Issue a MelWarning, which names the file it is about.

    The command line prints it once on standard error, from worker processes as well. In a library
    `warnings` filters it by this category.
    """
    warnings.warn(message, MelWarning, stacklevel=2)


@contextmanager
def recorded_warnings() -> Iterator[list[str]]:
    """Collect the text of each MelWarning issued in the block, by any thread, and show none.

    Other warnings are shown as before.
    """
    texts: list[str] = []
    with warnings.catch_warnings():
        show = warnings.showwarning

        def record(message: Warning | str, category: type[Warning], *rest: object) -> None:
            if issubclass(category, MelWarning):
                texts.append(str(message))
            else:
                show(message, category, *rest)  # type: ignore[arg-type] # passed on as they came

        warnings.showwarning = record  # type: ignore[assignment] # takes what it is called with
        warnings.simplefilter("always", MelWarning)
        yield texts


TRACEBACK = "MEL_DEBUG_TRACEBACK"
"""Environment variable: set to 1 to see where an unexpected error came from."""


class MelError(Exception):
    """What went wrong, where, and what to try, in one line. Ends a command with exit code 1."""

    exit_code = 1


class UsageError(MelError):
    """The command was asked for something it can't take: a bad option or a missing file."""

    exit_code = 2


class PluginError(MelError):
    """A plugin broke the rules of the door; the message names the plugin."""


class WeightsError(MelError):
    """A model's weights could not be found, fetched or fitted to the model."""


class Terminated(KeyboardInterrupt):
    """The process was asked to end by a signal other than Ctrl-C; raised in the main thread."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out: native libraries raise their own kinds."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    native = isinstance(error, RuntimeError) or type(error).__module__.split(".")[0] == "cv2"
    text = one_line(error).lower()
    return native and any(sign in text for sign in _OUT_OF_MEMORY_TEXTS)


def one_line(error: BaseException) -> str:
    """The text of an error in one line; empty if it has none, or can't say it."""
    try:
        return " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - `__str__` of a plugin's error may be broken as well
        return ""


def kind_and_text(error: BaseException) -> str:
    """The class of an error and its text, in one line."""
    text = one_line(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def text_of(error: BaseException) -> str:
    """An error as a person reads it, in one line: the class is left out where the text says all."""
    if is_out_of_memory(error):
        return OUT_OF_MEMORY
    text = one_line(error)
    return text if text and isinstance(error, MelError) else kind_and_text(error)


def shortened(names: list[str], most: int = 10) -> str:
    """Join names for a message; past `most` of them, say how many were left out."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"
