"""Parallel work on strips of a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def each(work: Callable[[int], None], starts: Iterable[int]) -> None:
    """Call ``work`` once for every start, on as many threads as torch may use.

    Each call runs its tensor operations on a single thread: with several, synchronising after
    every small operation takes most of the time on a busy machine.
    """
    from concurrent.futures import ThreadPoolExecutor

    import torch

    threads = torch.get_num_threads()
    try:
        pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
        with pool:
            for _ in pool.map(work, starts):
                pass
    finally:
        torch.set_num_threads(threads)
