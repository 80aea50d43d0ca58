"""JSON that survives a rewrite: read with every number's own digits, written as `mel` writes it."""

import json
from typing import Any

INDENT = " " * 4


class ExactFloat(float):
    """A number with a fraction or an exponent, with the text it was read from."""

    text: str

    def __new__(cls, text: str) -> "ExactFloat":
        number = super().__new__(cls, text)
        number.text = text
        return number


def parse(text: str) -> Any:
    """What a JSON text holds; floats keep their text. Raises ValueError or RecursionError."""
    return json.loads(text, parse_float=ExactFloat)


def text_of(value: Any) -> str:
    """A value as `json.dumps(value, indent=4, sort_keys=True, separators=(",", ": "))` gives it.

    But for floats that `parse` read: those are written as they were.
    """
    return _lines(value, "\n")


def _lines(value: Any, newline: str) -> str:
    inner = newline + INDENT
    if isinstance(value, ExactFloat):
        return value.text
    if isinstance(value, dict) and value:
        items = (f"{json.dumps(key)}: {_lines(value[key], inner)}" for key in sorted(value))
        return "{" + inner + f",{inner}".join(items) + newline + "}"
    if isinstance(value, list) and value:
        return "[" + inner + f",{inner}".join(_lines(item, inner) for item in value) + newline + "]"
    return json.dumps(value)
