"""Files that appear complete or not at all."""

import glob
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from mel_debug.core.errors import MelError

PART = ".part"
"""Suffix of a file that is being written."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    The bytes reach the disk before the name does. Raises MelError when the place can't be written.
    """
    temporary = _beside(path)
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode_for(path))
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unwritable(path, error) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_durably(path: Path, data: bytes) -> None:
    """As `write_atomically`; when this returns, the new name has reached the disk as well."""
    write_atomically(path, data)
    with suppress(OSError):  # some systems can't sync a folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def remove_unfinished(path: Path) -> None:
    """Remove what writers of a file left behind when they were killed.

    Call it only while no other process can be writing the file.
    """
    for part in path.parent.glob(f".{glob.escape(path.name)}.*{PART}"):
        part.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise MelError when `write_atomically` could not put a file here; leaves nothing behind."""
    if path.is_dir():
        raise MelError(f"{path} is a folder; name a file to write")
    _beside(path).unlink()


def _beside(path: Path) -> Path:
    """A new, empty file in the folder of `path`: on the same file system, so a rename is atomic."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PART)
    except OSError as error:
        raise _unwritable(path, error) from error
    os.close(handle)
    return Path(name)


def _mode_for(path: Path) -> int:
    """The permissions of the file being replaced, or what a newly made file would get."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask


def _unwritable(path: Path, error: OSError) -> MelError:
    reason = error.strerror or str(error)
    return MelError(f"{path} can't be written ({reason}); choose another place")
