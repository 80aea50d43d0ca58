"""The marker in pictures and pages that this program writes, and fast tests for it."""

from contextlib import suppress
from pathlib import Path

from mel_debug.core.errors import UsageError
from mel_debug.files.regular import open_regular

PICTURE_MARK = "Drawn by mel-debug; not a photo"
"""Metadata of every picture that is written, as a JPEG comment, PNG text and so on."""

PAGE_MARK = '<meta name="generator" content="mel-debug">'
"""A line in the head of every page."""

_EDGE_BYTES = 4096
"""Bytes that are read at the beginning and end of a file; they include the marker."""

_MARKED_AT_THE_BEGINNING = (
    b"\xff\xd8",
    b"\x89PNG",
    b"GIF8",
    b"\0\0\0\x0cjP  ",
    b"\xff\x4f\xff\x51",
)
"""The first bytes of JPEG, PNG, GIF and JPEG 2000. Other formats may have the marker at the end."""


def is_drawn(path: Path) -> bool:
    """Whether a file is a picture that this program drew; False if it can't be read."""
    head, tail = _edges(path)
    return PICTURE_MARK.encode() in head or PICTURE_MARK.encode() in tail


def is_own_page(path: Path) -> bool:
    """Whether a file is a page that this program wrote; False if it can't be read."""
    return PAGE_MARK.encode() in _edges(path)[0]


def _edges(path: Path) -> tuple[bytes, bytes]:
    """The first bytes of a file, and the last bytes if the marker may be there."""
    with suppress(OSError, UsageError), open_regular(path) as file:
        head = file.read(_EDGE_BYTES)
        if head.startswith(_MARKED_AT_THE_BEGINNING):
            return head, b""
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _EDGE_BYTES))
        return head, file.read()
    return b"", b""
