"""File names for arbitrary texts: safe on every system and unique."""

import hashlib
import re

_UNSAFE = re.compile(r"[^a-z0-9-]+")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])")
"""Names that Windows reserves for devices."""

_DIGEST_DIGITS = 8


def safe_name(text: str, longest: int = 40) -> str:
    """A file name, without a suffix, of at most `longest` (20 or more) characters.

    A short text of lower-case ASCII letters, digits and inner hyphens is its own name. Other names
    end with a digest of the whole text, so that different texts have different names, also on file
    systems that ignore case.
    """
    plain = _UNSAFE.sub("-", text.lower()).strip("-")
    if plain == text and 0 < len(text) <= longest and not _RESERVED.fullmatch(text):
        return text
    # The text may contain lone surrogates, from undecodable bytes or JSON.
    data = text.encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(data).hexdigest()[:_DIGEST_DIGITS]
    start = plain[: longest - _DIGEST_DIGITS - 1].strip("-")
    return f"{start}-{digest}" if start else digest
