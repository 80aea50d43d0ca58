"""Laws of JSON that survives a rewrite."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from mel_debug.files.exact_json import parse, text_of

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8)


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
        ),
        max_leaves=12,
    )


numbers = st.from_regex(
    r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?", fullmatch=True
).filter(lambda text: text != "-0")
"""As JSON spells them; of a whole number the sign of zero means nothing."""


@given(nested(scalars | st.floats(allow_nan=False)))
@example([{}, [], {"b": 1, "a": [None, True, "\u00e9\ud800"]}])
def test_the_layout_is_that_of_the_json_module(value: Any) -> None:
    """Four spaces, sorted keys, and `mel`'s separators, for anything JSON can hold."""
    expected = json.dumps(value, indent=4, sort_keys=True, separators=(",", ": "))
    assert text_of(value) == expected


@given(st.lists(numbers, min_size=1, max_size=6))
def test_every_number_keeps_its_digits(digits: list[str]) -> None:
    """As many decimals as there are, also of numbers that no float can hold."""
    text = "[\n    " + ",\n    ".join(digits) + "\n]"
    assert text_of(parse(text)) == text


def test_a_number_that_no_float_can_hold_is_written_as_it_was_read() -> None:
    """Neither rounded nor made infinite."""
    text = "[\n    1e400,\n    0.10,\n    0.12345678901234567890123,\n    -0.0\n]"
    assert text_of(parse(text)) == text


@given(nested(scalars | st.floats(allow_nan=False)))
def test_reading_back_gives_the_same(value: Any) -> None:
    """What is written is what there was."""
    assert parse(text_of(value)) == value
