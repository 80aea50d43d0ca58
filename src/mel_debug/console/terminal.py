"""Standard output and error as they are: old encodings, pipes that close, disks that fill up."""

import errno
import io
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TextIO, TypeVar

import click

from mel_debug.console.flags import as_flags
from mel_debug.core.escape import escaped

T = TypeVar("T")


def echo_line(text: str, *, err: bool = False) -> None:
    """Print one line; control characters in it, as names may have them, are shown escaped.

    On standard error, settings that a message of the library names appear as flags.
    """
    click.echo(escaped(as_flags(text) if err else text), err=err)


def ready_streams() -> None:
    """Let no character fail: what an encoding lacks is written with a backslash."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_from_printing(error: OSError) -> bool:
    """Whether an error was raised where Click prints, by the stream that it prints to."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code is click.echo.__code__


def unprintable(error: OSError) -> str:
    """The message for standard output that can't be written, to which nothing more is written."""
    if sys.stdout is not None:
        _discard(sys.stdout)
    return f"standard output can't be written ({error.strerror or error})"


def finish_streams(code: int) -> int:
    """Write out what was printed; returns the exit code, which is 1 if that fails.

    A full disk is one line on standard error. A pipe whose reader has gone, as with `| head`, is
    nobody's mistake and ends quietly.
    """
    error = _flush_error(sys.stdout)
    if error is not None:
        code = code or 1
        message = unprintable(error)
        if error.errno not in (errno.EPIPE, errno.ESHUTDOWN):
            with suppress(OSError):
                click.echo(f"Error: {message}", err=True)
    if _flush_error(sys.stderr) is not None:
        _discard(sys.stderr)
    return code


def _flush_error(stream: TextIO | None) -> OSError | None:
    try:
        if stream is not None and not stream.closed:  # a plugin may close what is not its own
            stream.flush()
    except OSError as error:
        return error
    return None


def _discard(stream: TextIO) -> None:
    """Let the interpreter's own flush at its end find nothing to complain about."""
    with suppress(OSError, ValueError):  # a stream of a test has no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def show_progress(items: Iterable[T], label: str, length: int | None = None) -> Iterable[T]:
    """The items one by one, with a progress bar and the time left on standard error.

    Of items that can't tell their number, `length` does.
    """
    with click.progressbar(items, length, label=label, file=sys.stderr) as shown:
        yield from shown
