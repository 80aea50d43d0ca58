"""Rows of values: aligned in columns for a terminal, or as CSV."""

from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

from mel_debug.core.escape import escaped

FORMULA_STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet may read as a formula at the start of a cell (OWASP, "CSV injection"): the
last four are the full-width forms of the first."""


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """One line for each row: the first column is left-aligned, the others are right-aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """CSV with a header line, and without a line end after the last row.

    None is an empty cell, a truth value is `true` or `false`, and the items of a list are joined
    with `; `. A text that a spreadsheet may read as a formula gets a `'` in front; numbers never
    do. Control characters and what cannot be encoded are escaped as in `escaped`. A row lacks no
    column, but may have others, which are left out.
    """
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return out.getvalue().removesuffix("\n")


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, Real):
        return value
    text = "; ".join(map(str, value)) if isinstance(value, list) else str(value)
    return escaped(f"'{text}" if text.startswith(FORMULA_STARTS) else text)
