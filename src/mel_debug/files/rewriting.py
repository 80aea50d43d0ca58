"""Replacing a file only if it is still what it was when it was read."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mel_debug.core.errors import MelError
from mel_debug.files.atomic import sync_folder, unwritable, written_beside
from mel_debug.files.attributes import carry_over, check_replaceable
from mel_debug.files.exchange import exchanged
from mel_debug.files.regular import open_regular


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A file as it was read: its bytes, and what the system said of it afterwards."""

    data: bytes
    status: os.stat_result = field(compare=False)

    def is_still(self, path: Path) -> bool:
        """Whether the file is the same one and has not changed since."""
        try:
            now = path.stat()
            # A writer within the resolution of the clock leaves the times alone, so bytes count.
            return _identity(now) == _identity(self.status) and path.read_bytes() == self.data
        except OSError:
            return False


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def take_snapshot(path: Path) -> Snapshot | None:
    """Read a file; None if there is none. Raises MelError for what can't be read, or is no file."""
    try:
        with open_regular(path) as file:
            data = file.read()
            return Snapshot(data, os.fstat(file.fileno()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MelError(f"{path} can't be read ({error.strerror or error})") from error


def replace_unchanged(
    path: Path, before: Snapshot | None, data: bytes, *, sync_first: bool = True
) -> bool:
    """Replace a file that is still as it was read; with None, make one that is still not there.

    Returns False, and leaves the file alone, if another program changed it meanwhile. The new file
    has the owner, group, permissions and extended attributes of the old one. Where the system can
    swap two files at once, the old one is checked again after the swap, and put back if it is not
    the one that was read. A write of another program is then lost only if that program opens the
    file before the swap and writes after the check, or if it writes just before the swap, reads the
    new file before the old one is put back, and writes again. Elsewhere the file is checked
    directly before it is replaced.

    On success both the content and the name have reached the disk. Without `sync_first` the content
    gets there after the name: much faster, and no worse unless the power fails between the two.
    `path` must not be a link. Raises MelError for a file that must not be replaced.
    """
    if before is not None:
        check_replaceable(path, before.status)
    with _new_file(path, before, data, sync_first) as temporary:
        if before is None:
            replaced = _put_new(temporary, path)
        else:
            replaced = before.is_still(path) and _swapped(temporary, path, before, data)
        if replaced and not sync_first:
            with path.open("rb") as file:
                os.fsync(file.fileno())
    if replaced:
        sync_folder(path.parent)
    return replaced


def check_rewritable(path: Path, before: Snapshot | None) -> None:
    """Raise MelError if `replace_unchanged` would refuse the file, whatever its new content.

    Does all that comes before the replacement, on a temporary file that is removed again.
    """
    if before is not None:
        check_replaceable(path, before.status)
    with _new_file(path, before, b"", sync=False):
        pass


@contextmanager
def _new_file(path: Path, before: Snapshot | None, data: bytes, sync: bool) -> Iterator[Path]:
    """A complete new file beside the old one, removed in the end unless it was renamed."""
    with written_beside(path, data, sync=sync) as temporary:
        try:
            if before is not None:
                carry_over(path, before.status, temporary)
            yield temporary
        except OSError as error:
            raise unwritable(path, error) from error


def _put_new(temporary: Path, path: Path) -> bool:
    """Name a file, unless there is one of that name."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if os.path.lexists(path):
            return False
        temporary.replace(path)
    return True


def _swapped(temporary: Path, path: Path, before: Snapshot, data: bytes) -> bool:
    try:
        if not exchanged(temporary, path):
            temporary.replace(path)
            return True
    except FileNotFoundError:  # removed this moment
        return False
    expected, put = before.data, data
    # What comes out must be what was there. If it is not, it is a newer write: put it back. Then
    # our own file must come out; if it does not, yet another write got between, and so on.
    while (out := temporary.read_bytes()) != expected:
        expected, put = put, out
        exchanged(temporary, path)
    return put is data
