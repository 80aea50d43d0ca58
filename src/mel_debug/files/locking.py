"""One process at a time: a lock beside the file that is about to be written."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mel_debug.core.errors import MelError
from mel_debug.files.hidden_names import LOCK, hidden_name

PATIENCE_SECONDS = 60.0
"""How long to wait for another process; it holds the lock while it writes one small file."""


def lock_path(path: Path) -> Path:
    """The lock file of a file: hidden, in the same folder, and of a short name."""
    return path.with_name(hidden_name(path) + LOCK)


@contextmanager
def locked(path: Path, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the lock of a file, against threads and processes, also on a shared file system.

    The lock is the system's and ends with the process that holds it, however that ends. Its file is
    removed when it is let go; after a kill it stays behind, means nothing, and goes with the next
    lock. Raises MelError after `patience` seconds or where no file can be made.
    """
    from filelock import FileLock, Timeout

    beside = lock_path(path)
    lock = FileLock(beside, timeout=patience, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise MelError(
            f"{path} has been locked by another process for {patience:g} s ({beside}); "
            "let it finish and run again"
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise MelError(f"{path} can't be locked ({reason}); is its folder writable?") from error
    try:
        yield
    finally:
        # Only the holder removes it, and who waited for a removed file asks anew.
        with suppress(OSError):
            beside.unlink()
        lock.release()
