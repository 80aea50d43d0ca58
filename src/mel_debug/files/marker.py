"""The mark of pictures and pages that this program wrote, and a cheap way to recognise it."""

from contextlib import suppress
from pathlib import Path

from mel_debug.core.errors import UsageError
from mel_debug.files.regular import open_regular

PICTURE_MARK = "Drawn by mel-debug; not a photo"
"""Metadata of every picture that is written: a JPEG comment, a PNG text and so on."""

PAGE_MARK = '<meta name="generator" content="mel-debug">'
"""The line that every page has in its head."""

_EDGE_BYTES = 4096
"""How much of a file's beginning and end is read; the mark lies within, where we put it."""

_MARKED_AT_THE_BEGINNING = (
    b"\xff\xd8",
    b"\x89PNG",
    b"GIF8",
    b"\0\0\0\x0cjP  ",
    b"\xff\x4f\xff\x51",
)
"""What JPEG, PNG, GIF and JPEG 2000 begin with. Others may have the mark at their end."""


def is_drawn(path: Path) -> bool:
    """Whether a file is a picture that this program drew. False for what can't be read."""
    head, tail = _edges(path)
    return PICTURE_MARK.encode() in head or PICTURE_MARK.encode() in tail


def is_own_page(path: Path) -> bool:
    """Whether a file is a page that this program wrote. False for what can't be read."""
    return PAGE_MARK.encode() in _edges(path)[0]


def _edges(path: Path) -> tuple[bytes, bytes]:
    """The beginning of a file, and its end where that matters."""
    with suppress(OSError, UsageError), open_regular(path) as file:
        head = file.read(_EDGE_BYTES)
        if head.startswith(_MARKED_AT_THE_BEGINNING):
            return head, b""
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _EDGE_BYTES))
        return head, file.read()
    return b"", b""
