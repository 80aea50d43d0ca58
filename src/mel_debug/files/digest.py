"""SHA-256 digests of files."""

import hashlib
from pathlib import Path

from mel_debug.core.errors import MelError, UsageError
from mel_debug.files.regular import open_regular


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's bytes as 64 hexadecimal digits.

    Raises UsageError if it is missing or not a regular file, and MelError if it can't be read.
    """
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist") from error
    except OSError as error:
        raise MelError(f"{path} can't be read ({error.strerror or error})") from error
