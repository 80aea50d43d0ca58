"""Atomic writes: a file is complete or unchanged."""

import errno
import glob
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mel_debug.core.errors import MelError
from mel_debug.files.hidden_names import PART, hidden_name

_ADVICE = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room on the disk",
    errno.ENAMETOOLONG: "choose a shorter name",
}


def write_atomically(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write a file so that readers see the old content or the new, never a part of it.

    The content is synced to disk before the file is renamed; without `sync` this holds until the
    machine itself fails. Raises MelError if writing fails.
    """
    with written_beside(path, data, sync=sync) as temporary:
        try:
            temporary.replace(path)
        except OSError as error:
            raise unwritable(path, error) from error


@contextmanager
def written_beside(path: Path, data: bytes, *, sync: bool = True) -> Iterator[Path]:
    """A complete temporary file in the folder of `path`, for the block to rename.

    It has the permissions of `path`, or those of a new file, and is synced to disk if `sync`. It is
    removed after the block unless it was renamed. Raises MelError if writing fails.
    """
    temporary = _beside(path)
    try:
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            temporary.chmod(_mode_for(path))
        except OSError as error:
            raise unwritable(path, error) from error
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder to disk, on systems that support it."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove_unfinished(path: Path) -> None:
    """Remove the temporary files of a file whose writers were killed.

    Call it only while no other process can be writing the file.
    """
    for part in path.parent.glob(f"{glob.escape(hidden_name(path))}.*{PART}"):
        part.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise MelError if `write_atomically` could not write this file; leaves no file behind."""
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        is_folder = False
    except OSError as error:  # for example, a name that is too long
        raise unwritable(path, error) from error
    if is_folder:
        raise MelError(f"{path} is a folder; name a file to write")
    _beside(path).unlink()


def unwritable(path: Path, error: OSError) -> MelError:
    """The error for a file that can't be written, with advice."""
    reason = error.strerror or str(error)
    advice = _ADVICE.get(error.errno or 0, "choose another place")
    return MelError(f"{path} can't be written ({reason}); {advice}")


def _beside(path: Path) -> Path:
    """A new, empty file in the folder of `path`: renames within a file system are atomic."""
    try:
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f"{hidden_name(path)}.", suffix=PART
        )
    except OSError as error:
        raise unwritable(path, error) from error
    os.close(handle)
    return Path(name)


def _mode_for(path: Path) -> int:
    """The permissions of the file that is replaced, or those of a new file."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask
