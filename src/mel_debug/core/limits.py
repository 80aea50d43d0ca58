"""Limits on the pixels of an image and on the memory of this process."""

import os
import sys
from contextlib import suppress
from pathlib import Path

from mel_debug.core.errors import UsageError
from mel_debug.core.geometry import Size

MAX_PIXELS = "MEL_DEBUG_MAX_PIXELS"
"""Environment variable: the maximum number of pixels of a photo, a mask or a scaled photo."""

DEFAULT_MAX_PIXELS = 250_000_000
"""Enough for the largest photos of phones, 200 megapixels."""

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Files with the memory limit of a Linux container, of control groups version 2 and 1."""


def max_pixels() -> int:
    """The maximum number of pixels of an image. Raises UsageError for a wrong setting."""
    text = os.environ.get(MAX_PIXELS, "").strip()
    if not text:
        return DEFAULT_MAX_PIXELS
    if not (text.isascii() and text.isdecimal() and len(text) <= 18 and int(text) > 0):
        raise UsageError(
            f"{MAX_PIXELS} must be a whole number of pixels above 0, "
            f"such as {DEFAULT_MAX_PIXELS}, not {text!r}"
        )
    return int(text)


def too_large(width: int, height: int) -> str | None:
    """The end of an error message for an image of this size in pixels; None if it is allowed."""
    most = max_pixels()
    if width * height <= most:
        return None
    return (
        f"has {width} x {height} pixels, more than the limit of {most:,}; "
        f"set {MAX_PIXELS} higher if there is enough memory"
    )


def scaled_too_large(scaled: Size, bytes_each: int) -> str | None:
    """The end of an error message for a photo scaled to this size; None if memory allows it.

    `bytes_each` is the least memory that a scaled pixel takes, in bytes.
    """
    pixels = scaled.width * scaled.height
    needed = pixels * bytes_each
    most, available = max_pixels(), memory_bytes()
    if pixels <= most and (available is None or needed <= available):
        return None
    reason = (
        f"the limit is {most:,} pixels ({MAX_PIXELS})"
        if pixels > most
        else f"this process may use {_gigabytes(available or 0)}"
    )
    return (
        f"scaled to {scaled} pixels it would take at least {_gigabytes(needed)} of memory, but "
        f"{reason}; try a smaller `image_size`"
    )


def memory_bytes() -> int | None:
    """The memory that this process may use in bytes: the least of the limits that are known.

    These are the memory of the machine, and limits of the container and the process. None if the
    platform has no such information.
    """
    limits = []
    with suppress(ValueError, OSError, AttributeError):  # no sysconf on Windows
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path in _CGROUP_LIMITS:
        with suppress(ValueError, OSError):  # the file holds "max" where there is no limit
            limits.append(int(Path(path).read_text()))
    if sys.platform != "win32":
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            limits.append(soft)
    known = [limit for limit in limits if limit > 0]
    return min(known) if known else None


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
