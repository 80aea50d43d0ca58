"""Matrix products in one thread: those of the matcher are too small to be shared among threads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class OneThread:
    """Limits numpy's BLAS to one thread while at least one block is run with it.

    The limit is that of the whole process; with the last block it is lifted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limits: Any = None

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Run a block with one thread."""
        from threadpoolctl import threadpool_limits

        with self._lock:
            if not self._inside:
                self._limits = threadpool_limits(1, user_api="blas")
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self._limits.restore_original_limits()


one_thread = OneThread().limited
"""Threads of OpenBLAS wait for each other without sleeping. While another thread or program has one
of the cores, this takes most of the time: beside one busy program on two cores an accurate search
took 22 s with two threads and 8 s with one; with nothing beside it, 9 s and 7.5 s.
"""
