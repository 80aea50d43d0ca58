"""Matrix products in one thread: those of the matcher are too small to be shared among threads."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Let numpy's BLAS use one thread in a block; the limit is that of the whole process.

    Threads of OpenBLAS wait for each other without sleeping. While another thread or program has
    one of the cores, this takes most of the time: comparing two photos beside one busy program on
    two cores took 1.3 to 1.8 s with two threads and 0.6 s with one; a whole search beside several,
    22 to 25 s and 8 s; with nothing beside it, 9 s and 7.5 s.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield
