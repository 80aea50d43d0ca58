"""Exchanging the names of two files atomically, on systems that support it."""

import ctypes
import errno
import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path

_AT_FDCWD = -100  # linux/fcntl.h
_RENAME_EXCHANGE = 2  # linux/fs.h

_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM}
"""Errors of a kernel, file system or sandbox that does not support the operation."""


def exchanged(first: Path, second: Path) -> bool:
    """Exchange the names of two files of a folder; False if this is not supported.

    At no time is either name missing. Raises OSError if the exchange fails.
    """
    rename = _renameat2()
    if rename is None:
        return False
    if rename(os.fsencode(first), os.fsencode(second)) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(second))


@functools.cache
def _renameat2() -> Callable[[bytes, bytes], int] | None:
    """Linux's renameat2 with RENAME_EXCHANGE; None if the C library does not have it."""
    if sys.platform != "linux":
        return None
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return None
    function.argtypes = (
        *(ctypes.c_int, ctypes.c_char_p),
        *(ctypes.c_int, ctypes.c_char_p),
        ctypes.c_uint,
    )
    function.restype = ctypes.c_int

    def rename(first: bytes, second: bytes) -> int:
        return int(function(_AT_FDCWD, first, _AT_FDCWD, second, _RENAME_EXCHANGE))

    return rename
