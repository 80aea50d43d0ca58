"""Untrusted text made safe to print: control characters and lone surrogates are escaped."""

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
"""Unicode categories that a terminal may interpret or not show: controls (escape sequences, line
ends), format characters (text direction), surrogates (undecodable bytes), private use
and separators."""


def escaped(text: str) -> str:
    r"""The text with every control, format and surrogate character as `\x1b`, `\u202e` and so on.

    The result is printable, on one line, and can be encoded as UTF-8.
    """
    if text.isascii() and text.isprintable():  # the usual case, of which a page has thousands
        return text
    return "".join(
        _escaped(char) if unicodedata.category(char) in _HIDDEN else char for char in text
    )


def _escaped(char: str) -> str:
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
