"""Laws of aligned tables and of CSV."""

import csv
import io
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.core.tables import FORMULA_STARTS, aligned, csv_text

TEXTS = st.text(st.characters(codec="ascii", categories=("L", "N")), max_size=8)


@given(
    st.integers(1, 5).flatmap(
        lambda columns: st.lists(st.lists(TEXTS, min_size=columns, max_size=columns), max_size=6)
    )
)
def test_columns_start_and_end_at_the_same_place_in_every_line(rows: list[list[str]]) -> None:
    """The first column is flush left, all others flush right, and no text is cut."""
    lines = aligned(rows)
    assert len(lines) == len(rows)
    assert len({len(line) for line in lines}) <= 1
    ends = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for line, row in zip(lines, rows, strict=True):
        assert line.startswith(row[0])
        end = ends[0]
        for width, text in zip(ends[1:], row[1:], strict=True):
            assert line[end : end + 2] == "  "
            end += 2 + width
            assert line[:end].endswith(text)


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=6)
)


@given(st.lists(st.tuples(VALUES, VALUES, VALUES), max_size=6))
def test_csv_can_be_read_and_no_text_in_it_is_a_formula(rows: list[tuple[Any, ...]]) -> None:
    """Numbers stay as they are, also negative ones."""
    text = csv_text("abc", [dict(zip("abc", row, strict=True)) for row in rows])
    text.encode()
    head, *read = list(csv.reader(io.StringIO(text)))
    assert head == ["a", "b", "c"]
    for values, cells in zip(rows, read, strict=True):
        for value, cell in zip(values, cells, strict=True):
            if isinstance(value, int | float) and not isinstance(value, bool):
                assert type(value)(cell) == value
            else:
                assert not cell.startswith(FORMULA_STARTS)


def test_csv_has_none_truth_and_lists_in_plain_words() -> None:
    """A number of numpy is a number, too."""
    rows: list[list[Any]] = [
        [None, True, ["a", "b"]],
        ["=1+1", "-x", np.float32(-0.5)],
        ["@a", "a@b", "\tx"],
    ]
    text = csv_text("abc", [dict(zip("abc", row, strict=True)) for row in rows])
    assert text.splitlines()[1:] == [",true,a; b", "'=1+1,'-x,-0.5", r"'@a,a@b,'\x09x"]
