"""Replacing a file only if it has not changed since it was read."""

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
    """The content of a file when it was read, and its status directly afterwards."""

    data: bytes
    status: os.stat_result = field(compare=False)

    def is_current(self, path: Path) -> bool:
        """Whether the path still is the same file with the same content."""
        try:
            now = path.stat()
            # A write within the resolution of the clock does not change the times: compare bytes.
            return _identity(now) == _identity(self.status) and path.read_bytes() == self.data
        except OSError:
            return False


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def take_snapshot(path: Path) -> Snapshot | None:
    """Read a file; None if it does not exist. Raises MelError if it can't be read."""
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
    """Replace a file if it is unchanged since `before`; without `before`, create a new file.

    Returns False, without changing the file, if another program has changed or created it. The new
    file has the owner, group, permissions and extended attributes of the old one. If the system can
    exchange two files atomically, the old file is checked again after the exchange, and restored if
    it differs from `before`. A write of another program is then lost only if that program opens the
    file before the exchange and writes after the check, or if it writes directly before the
    exchange, reads the new file before the old one is restored, and writes again. On other systems
    the file is checked directly before it is replaced.

    On success content and name are synced to disk. Without `sync_first` the content is synced after
    the name, which is much faster and differs only if the power fails between the two. `path` must
    not be a link. Raises MelError for a file that must not be replaced.
    """
    if before is not None:
        check_replaceable(path, before.status)
    with _new_file(path, before, data, sync_first) as temporary:
        if before is None:
            replaced = _put_new(temporary, path)
        else:
            replaced = before.is_current(path) and _swapped(temporary, path, before, data)
        if replaced and not sync_first:
            with path.open("rb") as file:
                os.fsync(file.fileno())
    if replaced:
        sync_folder(path.parent)
    return replaced


def remove_unchanged(path: Path, before: Snapshot) -> bool:
    """Remove a file if it is unchanged since `before`; returns whether it was removed.

    The file is moved aside and compared again before it is removed. If another program has written
    to it, it is moved back, unless that program has created a new file there. Raises MelError for a
    file that must not be replaced, or if removing fails.
    """
    check_replaceable(path, before.status)
    if not before.is_current(path):
        return False
    try:
        with written_beside(path, b"", sync=False) as aside:
            path.replace(aside)
            if aside.read_bytes() != before.data:
                _put_new(aside, path)
                return False
    except OSError as error:
        raise unwritable(path, error) from error
    sync_folder(path.parent)
    return True


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
    """A complete new file beside the old one, removed after the block unless it was renamed."""
    with written_beside(path, data, sync=sync) as temporary:
        try:
            if before is not None:
                carry_over(path, before.status, temporary)
            yield temporary
        except OSError as error:
            raise unwritable(path, error) from error


def _put_new(temporary: Path, path: Path) -> bool:
    """Rename a file unless the new name exists; return whether it was renamed."""
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
    except FileNotFoundError:  # removed meanwhile
        return False
    expected, put = before.data, data
    # The file that was exchanged must be the expected one. If it is not, another program wrote it:
    # put it back. That exchange must return our own file; if not, there was another write, and so
    # on.
    while (out := temporary.read_bytes()) != expected:
        expected, put = put, out
        exchanged(temporary, path)
    return put is data
