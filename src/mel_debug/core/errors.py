"""Errors and warnings whose messages are for users: one line each; errors have an exit code."""

import errno
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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
    """A one-line warning about a result that was produced nevertheless."""


def warn(message: str) -> None:
    """Issue a MelWarning; the message should name the file it is about.

    The command line prints it once on standard error, also from worker processes. Programs that use
    the library can filter it by its category with `warnings`.
    """
    if _receivers:
        _receivers[-1](message)
    else:
        warnings.warn(message, MelWarning, stacklevel=2)


_receivers: list[Callable[[str], None]] = []


@contextmanager
def warnings_received(receive: Callable[[str], None]) -> Iterator[None]:
    """Within the block, pass the messages of `warn` to a function, from any thread.

    Filters of `warnings` don't reach them: while one thread imports a library that changes them,
    they would hide the warnings of another thread.
    """
    _receivers.append(receive)
    try:
        yield
    finally:
        _receivers.remove(receive)


@contextmanager
def recorded_warnings() -> Iterator[list[str]]:
    """Collect the messages of MelWarnings issued in the block, by any thread, without showing them.

    Other warnings are shown as usual.
    """
    texts: list[str] = []
    with warnings.catch_warnings(), warnings_received(texts.append):
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
"""Environment variable: set to 1 to print the traceback of an unexpected error."""


class MelError(Exception):
    """An error for users: one line with what is wrong, where, and what to try; exit code 1."""

    exit_code = 1


class UsageError(MelError):
    """A wrong argument, setting or file name, which the caller can correct; exit code 2."""

    exit_code = 2


class PluginError(MelError):
    """A plugin violates the interface in `mel_debug.plugin`; the message names the plugin."""


class WeightsError(MelError):
    """The weights of a model could not be found, downloaded or loaded."""


class Terminated(KeyboardInterrupt):
    """A signal other than Ctrl-C is ending the process; raised in the main thread."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out; native libraries raise types of their own."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    native = isinstance(error, RuntimeError) or type(error).__module__.split(".")[0] == "cv2"
    text = one_line(error).lower()
    return native and any(phrase in text for phrase in _OUT_OF_MEMORY_TEXTS)


def one_line(error: BaseException) -> str:
    """The message of an error in one line; empty if it has none, or if its `__str__` fails."""
    try:
        return " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - `__str__` of a plugin's error may be broken as well
        return ""


def kind_and_text(error: BaseException) -> str:
    """The class name and the message of an error, in one line."""
    text = one_line(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def text_of(error: BaseException) -> str:
    """An error as users read it, in one line; a MelError without its class name."""
    if is_out_of_memory(error):
        return OUT_OF_MEMORY
    text = one_line(error)
    return text if text and isinstance(error, MelError) else kind_and_text(error)


def naming(path: Path, reason: str) -> str:
    """A reason in a line that names its file, once."""
    return reason if str(path) in reason else f"{path}: {reason}"


def shortened(names: list[str], most: int = 10) -> str:
    """Join names for a message: the first `most` of them, then the number of the others."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"
