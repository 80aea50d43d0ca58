"""How many threads the libraries of one worker may use, so that workers don't fight over cores."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

LIMITS = (
    "OMP_NUM_THREADS",  # torch, OpenMP builds of BLAS
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",  # numpy and scipy
    "VECLIB_MAXIMUM_THREADS",  # the same on macOS
    "OPENCV_FOR_THREADS_NUM",  # OpenCV, whose wheels use no OpenMP
)
"""Environment variables; each library reads its own when it is imported."""


def cores() -> int:
    """The cores that this process may use; at least one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_for(workers: int) -> int:
    """What each of so many workers on this machine may use."""
    return max(1, cores() // workers)


def limit_threads(threads: int) -> None:
    """Limit the libraries that this process will import from now on."""
    os.environ.update(dict.fromkeys(LIMITS, str(threads)))


@contextmanager
def limited_children(threads: int) -> Iterator[None]:
    """Processes started within inherit the limits; what a person has set himself stands."""
    added = [name for name in LIMITS if name not in os.environ]
    os.environ.update(dict.fromkeys(added, str(threads)))
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
