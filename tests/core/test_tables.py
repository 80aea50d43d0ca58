"""Laws of aligned tables."""

from hypothesis import given
from hypothesis import strategies as st

from mel_debug.core.tables import aligned

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
