"""Files that appear complete or not at all."""

import os
import tempfile
from pathlib import Path

from mel_debug.errors import MelError


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


def check_writable(path: Path) -> None:
    """Raise MelError when `write_atomically` could not put a file here; leaves nothing behind."""
    if path.is_dir():
        raise MelError(f"{path} is a folder; name a file to write")
    _beside(path).unlink()


def _beside(path: Path) -> Path:
    """A new, empty file in the folder of `path`: on the same file system, so a rename is atomic."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
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
