"""Docstrings are plain text with `names` in single backticks; Sphinx reads reStructuredText."""

import re
from typing import Any

from sphinx.application import Sphinx

_NAME = re.compile(r"(?<![`:])`([^`\n]+)`(?![`_])")


def _backticks(
    _app: Sphinx, _what: str, _name: str, _object: object, _options: object, lines: list[str]
) -> None:
    """Show what is in single backticks as code, where reStructuredText would look for a role."""
    lines[:] = [_NAME.sub(r"``\1``", line) for line in lines]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", _backticks)
    return {"version": "1", "parallel_read_safe": True}
