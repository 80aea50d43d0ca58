"""`mel-debug doctor`: versions, devices and settings for a bug report, as text or JSON."""

import json
from collections.abc import Iterator
from typing import Any

import click

from mel_debug.cli.options import json_option


@click.command("doctor")
@json_option
def command(*, as_json: bool) -> None:
    """Report versions, devices and settings, for a bug report.

    Also reports weights, the feature cache and plugins. Uses no network and changes nothing. Faults
    are part of the report; the exit code is 0 all the same. Your home folder is written as ~, so
    that the text can be posted.
    """
    from mel_debug.diagnosis import diagnose

    report = diagnose()
    if as_json:
        click.echo(json.dumps(report))
        return
    for line in _lines(report):
        click.echo(line)


def _lines(value: dict[str, Any], indent: str = "") -> Iterator[str]:
    """Yield one line for each plain value and an indented block for each group of values."""
    width = max((len(_words(name)) for name in value), default=0)
    for name, item in value.items():
        if isinstance(item, dict) and item and "status" not in item:
            yield f"{indent}{_words(name)}:"
            yield from _lines(item, f"{indent}  ")
        elif isinstance(item, list) and any(isinstance(part, dict) for part in item):
            yield f"{indent}{_words(name)}:"
            yield from (f"{indent}  {_text(part)}" for part in item)
        else:
            yield f"{indent}{_words(name):{width}}  {_named_text(name, item)}"


def _words(name: str) -> str:
    if name == "mel_debug":
        return "mel-debug"
    return name if name.isupper() else name.replace("_", " ")


def _named_text(name: str, value: Any) -> str:
    from mel_debug.cache.location import size_text

    is_size = name.endswith("bytes") and isinstance(value, int)
    return size_text(value) if is_size else _text(value)


def _text(value: Any) -> str:
    """Return a value on one line."""
    if isinstance(value, dict):
        return _group(value)
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not found" if value is None else str(value)


def _group(values: dict[str, Any]) -> str:
    """Return named values on one line."""
    match values:
        case {"status": status, **more}:
            return f"{status} ({'; '.join(map(_text, more.values()))})" if more else str(status)
        case {"name": name, "version": version, **more}:
            return f"{name} {version}: {_group(more)}"
        case _:
            named = (f"{_words(name)} {_text(value)}" for name, value in values.items())
            return "; ".join(named) or "none"
