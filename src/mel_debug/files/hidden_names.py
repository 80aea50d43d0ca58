"""Names of the temporary files and locks beside a file that is being written."""

import hashlib
import re
import unicodedata
from pathlib import Path

PART = ".part"
"""Suffix of a file that is being written."""

LOCK = ".lock"
"""Suffix of a lock file."""

_DIGEST_BYTES = 6

_PART_NAME = re.compile(rf"\.mel-debug-[0-9a-f]{{{2 * _DIGEST_BYTES}}}\..*\{PART}", re.DOTALL)


def hidden_name(path: Path) -> str:
    """The prefix of the names of a file's temporary files and lock: hidden, and 23 bytes long.

    It is a digest, so that it works for names as long as the file system allows. Names that some
    file systems treat as equal, which differ in case or in the composition of accents, have the
    same digest.
    """
    name = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path.name).casefold())
    data = name.encode("utf-8", "surrogatepass")
    return f".mel-debug-{hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()}"


def is_part_name(name: str) -> bool:
    """Whether this is the name of a file that is being written."""
    return _PART_NAME.fullmatch(name) is not None
