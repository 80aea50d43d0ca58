"""Plain tables and a description of the machine, for the benchmark scripts."""

import os
import platform
from collections.abc import Iterable, Sequence

from mel_debug.core.tables import aligned


def show(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a titled table; numbers are rounded to about three digits."""
    first, *rest = aligned([head, *([_text(value) for value in row] for row in rows)])
    print(f"\n{title}", first, "-" * len(first), *rest, sep="\n")


def machine() -> str:
    """Return one line that describes the machine."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return str(value)
