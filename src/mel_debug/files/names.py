"""File names from text of any kind: safe on every system, and different for different texts."""

import hashlib
import re

_UNSAFE = re.compile(r"[^a-z0-9-]+")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])")
"""Names that Windows keeps for devices."""

_DIGEST_DIGITS = 8


def safe_name(text: str, longest: int = 40) -> str:
    """A file name, without a suffix, of at most `longest` (20 or more) characters.

    Text of lower-case ASCII letters, digits and inner hyphens stays as it is if it is short enough.
    Any other is changed and ends with a digest of the whole text, so that no two texts share a
    name, also where the file system ignores case.
    """
    plain = _UNSAFE.sub("-", text.lower()).strip("-")
    if plain == text and 0 < len(text) <= longest and not _RESERVED.fullmatch(text):
        return text
    # Lone surrogates, from undecodable bytes or JSON, are part of the text too.
    data = text.encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(data).hexdigest()[:_DIGEST_DIGITS]
    start = plain[: longest - _DIGEST_DIGITS - 1].strip("-")
    return f"{start}-{digest}" if start else digest
