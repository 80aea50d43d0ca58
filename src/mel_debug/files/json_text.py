"""Decoding JSON files with byte order marks, other encodings and any line ends."""

import codecs
import json
from pathlib import Path

from mel_debug.core.errors import MelError


def decoded(data: bytes, path: Path) -> str:
    """The text of a JSON file without its byte order mark.

    Raises MelError unless it is UTF-8; the message has the file and, if known, its encoding.
    """
    encoding = json.detect_encoding(data)
    if data and not data.strip(b"\0"):
        raise MelError(f"{path} contains only zero bytes; restore it from a backup")
    if encoding.startswith(("utf-16", "utf-32")):
        name = encoding[: len("utf-16")].upper()
        raise MelError(f"{path} is text in {name}; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MelError(
            f"{path} is not text in UTF-8 (byte {error.object[error.start]:#04x} at {error.start})"
        ) from error


def encoded_like(text: str, old: bytes) -> bytes:
    """The bytes of a text with the byte order mark and the line ends of the file it replaces.

    JSON strings contain no line ends. Mixed line ends all become those of Windows.
    """
    if b"\r\n" in old:
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    mark = codecs.BOM_UTF8 if old.startswith(codecs.BOM_UTF8) else b""
    return mark + text.encode()
