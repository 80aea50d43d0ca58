"""Rewriting JSON arrays with every number and string spelled as before."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

INDENT = " " * 4

_WHITE = " \t\n\r"
_BEGIN = re.compile(r"[ \t\n\r]*\[[ \t\n\r]*")
_AFTER = re.compile(r"[ \t\n\r]*(?:(?P<comma>,[ \t\n\r]*)|(?P<closed>\]))")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[^\s,:\[\]{}"]+|[\[\]{}]')
_FLAT = re.compile(
    r'\{(?:\n {8}"[^"\\\n]*": (?:"[^"\\\n]*(?:\\.[^"\\\n]*)*"|[-+.\w]+|\[\]|\{\}),?)*\n {4}\}'
)
"""An object without nested containers, in `mel`'s layout for an element of an array.

Only valid JSON is matched against it, so commas need no check."""


class DuplicateKeyError(ValueError):
    """An object has a key twice, so a rewrite would lose one of the values."""


def elements(text: str, *, unique_keys: bool = False) -> Iterator[tuple[Any, int, int]]:
    """The elements of a JSON array: the value of each, and the start and end of its text.

    Only one element at a time is in memory. An integer with more digits than Python converts is
    read as infinity. Raises ValueError for text that is not a JSON array, DuplicateKeyError for a
    duplicate key in an object with `unique_keys`, and RecursionError for very deep nesting.
    """
    decode = (_UNIQUE if unique_keys else _LENIENT).raw_decode
    begin = _BEGIN.match(text)
    if begin is None:
        raise ValueError("it is not an array")
    at = begin.end()
    closed = text[at : at + 1] == "]"
    if closed:
        at += 1
    while not closed:
        value, end = decode(text, at)
        yield value, at, end
        after = _AFTER.match(text, end)
        if after is None:
            raise json.JSONDecodeError("Expecting ',' delimiter", text, end)
        at = after.end()
        closed = after.lastgroup == "closed"
    if text[at:].strip(_WHITE):
        raise json.JSONDecodeError("Extra data", text, at)


def text_of(value: Any) -> str:
    """A value in `mel`'s layout: 4 spaces, sorted keys, separators `,` and `: `."""
    return json.dumps(value, indent=4, sort_keys=True, separators=(",", ": "))


def array_of(texts: Iterable[str]) -> str:
    """The text of an array, with its elements' texts in `mel`'s layout at depth 1."""
    inner = f",\n{INDENT}".join(texts)
    return f"[\n{INDENT}{inner}\n]" if inner else "[]"


def entry_text(value: Any) -> str:
    """The text of an element of an array in `mel`'s layout, for `array_of`."""
    return laid_out(value, text_of(value))


def laid_out(value: Any, text: str) -> str:
    """The text of an element of an array in `mel`'s layout; numbers and strings do not change.

    `value` is the parsed text. Keys are sorted, and nothing else but white space changes. Does not
    recurse, so any nesting that can be read can be written.
    """
    if isinstance(value, dict) and _FLAT.fullmatch(text) and list(value) == sorted(value):
        return text
    opened: list[tuple[str, list[str]]] = []
    items: list[str] = []  # of the innermost container; in an object, keys and values alternate
    for token in _TOKEN.findall(text):
        if token in ("{", "["):
            opened.append((token, items))
            items = []
        elif token in ("}", "]"):
            kind, outer = opened.pop()
            outer.append(_container(kind, items, 1 + len(opened)))
            items = outer
        else:
            items.append(token)
    return items[0]


def with_values(text: str, changes: Mapping[str, Any]) -> str:
    """The text of an object with some values replaced, in `mel`'s layout at depth 1.

    A value of None removes its key, and a new key is added. All other numbers and strings are
    spelled as before. `text` must be valid JSON without duplicate keys.
    """
    members = {key: (name, value) for key, name, value in _members(text)}
    for key, value in changes.items():
        if value is None:
            members.pop(key, None)
        else:
            members[key] = (json.dumps(key), text_of(value))
    pairs = (f"{name}: {value}" for name, value in members.values())
    return laid_out(None, f"{{{', '.join(pairs)}}}")


def _members(text: str) -> Iterator[tuple[str, str, str]]:
    """The keys of an object, the text of each key, and that of its value."""
    at = text.index("{") + 1
    while text[(start := _skipped(text, at))] != "}":
        key, end = _LENIENT.raw_decode(text, start)
        begin = _skipped(text, end)
        _, at = _LENIENT.raw_decode(text, begin)
        yield key, text[start:end], text[begin:at]


def _skipped(text: str, at: int) -> int:
    """The next place that is neither white space nor a separator."""
    return next(place for place in range(at, len(text)) if text[place] not in _WHITE + ",:")


def _container(kind: str, items: list[str], depth: int) -> str:
    if kind == "{":
        pairs = sorted(zip(items[::2], items[1::2], strict=True), key=lambda p: _key(p[0]))
        items = [f"{key}: {value}" for key, value in pairs]
    end = "}" if kind == "{" else "]"
    if not items:
        return kind + end
    newline = "\n" + INDENT * depth
    return kind + newline + INDENT + f",{newline}{INDENT}".join(items) + newline + end


def _key(text: str) -> str:
    key: str = json.loads(text)
    return key


def _whole(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:  # Python converts at most 4300 digits by default
        return float(digits)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in found if names.count(key) > 1)
        raise DuplicateKeyError(f"the key {json.dumps(twice)} occurs twice in one object")
    return found


_LENIENT = json.JSONDecoder(parse_int=_whole)
_UNIQUE = json.JSONDecoder(parse_int=_whole, object_pairs_hook=_unique)
