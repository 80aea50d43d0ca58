"""How large a picture may be, and how much memory this process may use."""

import os
import sys
from contextlib import suppress
from pathlib import Path

from mel_debug.core.errors import UsageError
from mel_debug.core.geometry import Size

MAX_PIXELS = "MEL_DEBUG_MAX_PIXELS"
"""Environment variable: the most pixels that a photo, a mask or a scaled photo may have."""

DEFAULT_MAX_PIXELS = 250_000_000
"""Phones take photos of 200 megapixels."""

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where Linux shows the memory limit of a container, by the release of control groups."""


def max_pixels() -> int:
    """The most pixels that a picture may have. Raises UsageError for a bad setting."""
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
    """Why a picture of this size is refused, and what to do; None if it is not."""
    most = max_pixels()
    if width * height <= most:
        return None
    return (
        f"has {width} x {height} pixels, more than the limit of {most:,}; "
        f"set {MAX_PIXELS} higher if there is enough memory"
    )


def scaled_too_large(scaled: Size, bytes_each: int) -> str | None:
    """Why a photo can't be scaled to this size, and the memory it would take; None if it can.

    `bytes_each` is what a scaled pixel takes at least, in bytes.
    """
    pixels = scaled.width * scaled.height
    needed = pixels * bytes_each
    most, there = max_pixels(), memory_bytes()
    if pixels <= most and (there is None or needed <= there):
        return None
    reason = (
        f"the limit is {most:,} pixels ({MAX_PIXELS})"
        if pixels > most
        else f"this process may use {_gigabytes(there or 0)}"
    )
    return (
        f"scaled to {scaled} pixels it would take at least {_gigabytes(needed)} of memory, but "
        f"{reason}; try a smaller `image_size`"
    )


def memory_bytes() -> int | None:
    """The most memory that this process can get: the machine's, a container's or a set limit.

    None where the platform does not say.
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
