"""Files that belong to a photo: they lie beside it, and of a link beside the file it leads to."""

import errno
import os
from pathlib import Path

from mel_debug.core.errors import MelError

_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EINVAL}
"""What the system says of a path that no file can have, or none has."""


def real_path(path: Path) -> Path:
    """The absolute path without links; of a link that leads in a circle, the link's own."""
    try:
        return Path(os.path.realpath(path))
    except ValueError:  # a name with a null character
        return path


def is_there(path: Path) -> bool:
    """Whether anything has this path; a file that only can't be accessed is there."""
    try:
        path.stat()
    except OSError as error:
        return error.errno not in _ABSENT
    except ValueError:  # a name with a null character
        return False
    return True


def beside(photo: Path, ending: str) -> Path:
    """Where the file of a photo lies that has the photo's name and an ending.

    A photo and all links to it are one photo, so of a link this is beside the real file. Raises
    MelError if such a file lies beside the link only: it would be passed over without a word.
    """
    own = photo.with_name(photo.name + ending)
    if not os.path.islink(photo):  # noqa: PTH114 - `Path.is_symlink` raises for a long name
        return own
    real = real_path(photo)
    shared = real.with_name(real.name + ending)
    if is_there(own) and not is_there(shared):
        raise MelError(f"{own} lies beside a link; move it to {shared}, beside the photo itself")
    return shared
