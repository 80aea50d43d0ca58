"""The cores of this process, and work on the rows of an array that they share."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

MOST_THREADS = 8
"""More would wait for Python's lock and for memory."""


def in_threads(work: Callable[[slice], Result], rows: int, step: int) -> list[Result]:
    """The results of `work` for all rows, each call with a part of them, in their order.

    There is a part for each thread, a multiple of `step` rows but for the last one; of no rows
    there is one empty part. The number of threads is that of the cores, or OMP_NUM_THREADS, which
    is also set for workers. No thread waits for another, so a core that another program takes
    delays only its own part.
    """
    part = step * max(1, -(-rows // (step * _threads())))
    parts = [slice(start, min(start + part, rows)) for start in range(0, rows, part)]
    if len(parts) < 2:
        return [work(part) for part in parts or [slice(0, 0)]]
    with ThreadPoolExecutor(len(parts)) as pool:
        return list(pool.map(work, parts))


def cores() -> int:
    """The number of cores that this process may use; at least one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _threads() -> int:
    given = os.environ.get("OMP_NUM_THREADS", "")
    return min(int(given) if given.isdecimal() and int(given) else cores(), MOST_THREADS)
