"""Work on strips of a picture side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def each(work: Callable[[int], None], starts: Iterable[int]) -> None:
    """Call ``work`` once for every start, on as many threads as torch may use.

    Each call runs its tensor operations on one thread: threads that wait for each other after
    every small operation lose most of their time on a machine that is busy with other work.
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
