"""The owner, group, permissions and extended attributes of a file that is replaced."""

import errno
import os
import stat
from pathlib import Path

from mel_debug.core.errors import MelError

_IGNORED = {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENODATA, errno.ENOENT}
"""Errors of attributes that only the system can set, that the file system does not support, or that
were removed meanwhile, perhaps with their file."""


def check_replaceable(path: Path, status: os.stat_result) -> None:
    """Raise MelError for a file that must not be replaced.

    These are read-only files, by their permissions, as root can write any file, and files with
    several hard links: replacing one of the names would leave the old content under the others, and
    writing in place could leave half a file and would change backups that are hard links.
    """
    # A file that was removed meanwhile is not read-only.
    refused = not os.access(path, os.W_OK) and os.access(path, os.F_OK)
    if refused or not status.st_mode & 0o222:
        raise MelError(f"{path} is read-only; make it writable first (chmod u+w)")
    if status.st_nlink > 1:
        raise MelError(
            f"{path} has {status.st_nlink} names (hard links), and a rewrite would separate them; "
            "replace it with a copy of itself first"
        )


def carry_over(path: Path, status: os.stat_result, new: Path) -> None:
    """Give the file `new` the owner, group, permissions and extended attributes of `path`.

    Access control lists are extended attributes. Raises MelError if the owner or group can't be
    kept, and OSError for other failures.
    """
    created = new.stat()
    if hasattr(os, "chown") and (created.st_uid, created.st_gid) != (status.st_uid, status.st_gid):
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
        if error.errno in _IGNORED:
            return
        raise
    for name in names:
        try:
            os.setxattr(new, name, os.getxattr(path, name))
        except OSError as error:
            if error.errno not in _IGNORED:
                raise
