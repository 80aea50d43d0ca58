"""Limits on the threads of numerical libraries, so that workers do not compete for cores."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mel_debug.core.threads import cores

LIMITS = (
    "OMP_NUM_THREADS",  # torch, OpenMP builds of BLAS
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",  # numpy and scipy
    "VECLIB_MAXIMUM_THREADS",  # the same on macOS
    "OPENCV_FOR_THREADS_NUM",  # OpenCV, whose wheels use no OpenMP
)
"""Environment variables that libraries read when they are imported."""


def threads_for(workers: int) -> int:
    """The number of threads for each of this many workers on this machine."""
    return max(1, cores() // workers)


def limit_threads(threads: int) -> None:
    """Limit the threads of libraries that this process has not imported yet."""
    os.environ.update(dict.fromkeys(LIMITS, str(threads)))


@contextmanager
def limited_children(threads: int) -> Iterator[None]:
    """Limit the threads of processes started in the block, unless the user has set a limit."""
    added = [name for name in LIMITS if name not in os.environ]
    os.environ.update(dict.fromkeys(added, str(threads)))
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
