"""Locks for files that several processes write: a lock file beside each."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mel_debug.core.errors import MelError
from mel_debug.files.hidden_names import LOCK, hidden_name

PATIENCE_SECONDS = 60.0
"""How long to wait for another process, which holds a lock while it writes one small file."""


def lock_path(path: Path) -> Path:
    """The path of a file's lock file: hidden, in the same folder, with a short name."""
    return path.with_name(hidden_name(path) + LOCK)


@contextmanager
def locked(path: Path, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Lock a file for the block against threads and processes, also on a shared file system.

    The operating system releases the lock when the process ends, however it ends. The lock file is
    removed on release; one left by a killed process has no effect and is removed by the next lock.
    Raises MelError after `patience` seconds, or if the lock file can't be created.
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
        raise MelError(
            f"{path} can't be locked ({reason}); check that its folder is writable"
        ) from error
    try:
        yield
    finally:
        # Only the holder removes it; filelock retries if the file that it waited for was removed.
        with suppress(OSError):
            beside.unlink()
        lock.release()
