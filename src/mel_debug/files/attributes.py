"""What a file has besides its content: owner, group, permissions, extended attributes."""

import errno
import os
import stat
from pathlib import Path

from mel_debug.core.errors import MelError

_NOT_OURS = {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENODATA, errno.ENOENT}
"""An attribute that only the system sets, that the file system does not keep, or that was removed
this moment, perhaps with its file."""


def check_replaceable(path: Path, status: os.stat_result) -> None:
    """Raise MelError for a file that must not be replaced.

    A read-only file is judged by its permissions, as root may write anything. A file that has
    several names would keep its old content under all others; written in place it would keep them,
    but a kill could leave half of it, and a backup made of hard links would change.
    """
    # A file that was removed meanwhile is no fault of its permissions.
    refused = not os.access(path, os.W_OK) and os.access(path, os.F_OK)
    if refused or not status.st_mode & 0o222:
        raise MelError(f"{path} is read-only; make it writable first (chmod u+w)")
    if status.st_nlink > 1:
        raise MelError(
            f"{path} has {status.st_nlink} names (hard links), and a rewrite would separate them; "
            "replace it by a copy of itself first"
        )


def carry_over(path: Path, status: os.stat_result, new: Path) -> None:
    """Give a new file the owner, group, permissions and extended attributes of a file.

    Access control lists are extended attributes. Raises MelError if its owner or group can't be
    kept, and OSError.
    """
    made = new.stat()
    if hasattr(os, "chown") and (made.st_uid, made.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.chown(new, status.st_uid, status.st_gid)
        except PermissionError as error:
            raise MelError(
                f"{path} belongs to another user or group, which a rewrite can't keep; "
                "run as its owner"
            ) from error
    _carry_attributes(path, new)
    new.chmod(stat.S_IMODE(status.st_mode))


def _carry_attributes(path: Path, new: Path) -> None:
    if not hasattr(os, "listxattr"):
        return
    try:
        names = os.listxattr(path)
    except OSError as error:
        if error.errno in _NOT_OURS:
            return
        raise
    for name in names:
        try:
            os.setxattr(new, name, os.getxattr(path, name))
        except OSError as error:
            if error.errno not in _NOT_OURS:
                raise
