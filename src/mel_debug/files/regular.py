"""Opening regular files only, as pipes, sockets and devices can block forever."""

import os
import stat
from io import BufferedReader
from pathlib import Path

from mel_debug.core.errors import UsageError

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading bytes, without ever blocking; links are followed.

    Raises UsageError for anything but a regular file, and OSError like `open`.
    """
    check_regular(path)
    # The file may be replaced between the check and the open, so the descriptor is checked too.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _check(path, os.fstat(handle).st_mode)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def check_regular(path: Path) -> None:
    """Raise UsageError if a path exists and is not a regular file; links are followed."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except ValueError as error:
        raise UsageError(f"{path} is no name of a file ({error})") from error
    _check(path, mode)


def _check(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "a special file")
        raise UsageError(f"{path} is {kind}, not a regular file; give a file")
