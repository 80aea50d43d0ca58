"""Printing to standard streams with limited encodings, closed pipes and full disks."""

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TextIO

import click

from mel_debug.console.flags import as_flags
from mel_debug.console.progress import progress_hidden
from mel_debug.core.escape import escaped


def echo_line(text: str, *, err: bool = False) -> None:
    """Print one line with control characters escaped, as file names may contain them.

    On standard error, settings that a message of the library names appear as flags.
    """
    with progress_hidden():
        click.echo(escaped(as_flags(text) if err else text), err=err)


def prepare_streams() -> None:
    """Make the streams escape characters that their encoding lacks instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_from_printing(error: OSError) -> bool:
    """Whether an error was raised by the stream that Click printed to."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code is click.echo.__code__


def unprintable(error: OSError) -> str:
    """Discard further output and return the message for an error of standard output."""
    if sys.stdout is not None:
        _discard(sys.stdout)
    return f"standard output can't be written ({error.strerror or error})"


def finish_streams(code: int) -> int:
    """Flush the streams; returns `code`, or 1 if it is 0 and flushing fails.

    A full disk is reported in one line on standard error. A closed pipe, as with `| head`, is
    normal and not reported.
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
    """Redirect a stream to the null device, so that the interpreter's flush at exit succeeds."""
    with suppress(OSError, ValueError):  # streams of tests have no file descriptor
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
