"""Paths of the files that belong to a photo, in its folder; links are resolved first."""

import errno
import os
from pathlib import Path

from mel_debug.core.errors import MelError

_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL}
"""Errors for a path that does not exist, or can't exist."""


def real_path(path: Path) -> Path:
    """The absolute path with all links resolved; a link that leads to itself stays as it is."""
    try:
        return Path(os.path.realpath(path))
    except ValueError:  # a name with a null character
        return path


def exists(path: Path) -> bool:
    """Whether a path exists, also if it can't be accessed."""
    try:
        path.stat()
    except OSError as error:
        return error.errno not in _ABSENT
    except ValueError:  # a name with a null character
        return False
    return True


def beside(photo: Path, ending: str) -> Path:
    """The path of a photo's companion file: the photo's path with an ending appended.

    All links to a photo share the files beside the real photo. Raises MelError if such a file is
    beside the link only, where it would be ignored silently.
    """
    own = photo.with_name(photo.name + ending)
    if not os.path.islink(photo):  # noqa: PTH114 - `Path.is_symlink` raises for a long name
        return own
    real = real_path(photo)
    shared = real.with_name(real.name + ending)
    if exists(own) and not exists(shared):
        raise MelError(f"{own} is beside a link; move it to {shared}, beside the photo itself")
    return shared
