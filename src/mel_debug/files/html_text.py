"""Untrusted text and file names in HTML."""

import os
from html import escape
from urllib.parse import quote

from mel_debug.core.escape import escaped


def in_html(text: str) -> str:
    """A text as HTML that shows it; control characters and lone surrogates are escaped."""
    return escape(escaped(text))


def url_of(name: str) -> str:
    """The relative URL of a file beside the page, from the bytes of its name."""
    return quote(os.fsencode(name), safe="")
