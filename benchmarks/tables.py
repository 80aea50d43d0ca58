"""What the benchmark scripts share: plain tables and a note of the machine."""

import os
import platform
from collections.abc import Iterable, Sequence

from mel_debug.core.tables import aligned


def show(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a titled table; numbers are rounded to what a reader needs."""
    first, *rest = aligned([head, *([_text(value) for value in row] for row in rows)])
    print(f"\n{title}", first, "-" * len(first), *rest, sep="\n")


def machine() -> str:
    """One line about where the figures come from."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return str(value)
