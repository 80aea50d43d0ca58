"""Laws of JSON arrays that survive a rewrite."""

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mel_debug.files.exact_json import (
    DuplicateKeyError,
    array_of,
    elements,
    laid_out,
    text_of,
    with_values,
)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
numbers = st.from_regex(
    r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?", fullmatch=True
)
"""As JSON spells them, also `-0` and `1.10`."""

white = st.text(" \t\r\n", max_size=3)


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
        ),
        max_leaves=12,
    )


def rewritten(text: str) -> str:
    """The text of an array after a rewrite."""
    return array_of(laid_out(value, text[begin:end]) for value, begin, end in elements(text))


@st.composite
def spelled(draw: st.DrawFn, depth: int = 2) -> str:
    """JSON with numbers, strings and white space in any spelling."""
    kind = draw(st.sampled_from(["number", "string", "array", "object"] if depth else ["number"]))
    inner = spelled(depth - 1) if depth else st.nothing()
    if kind == "number":
        return draw(numbers)
    if kind == "string":
        return json.dumps(draw(st.text(max_size=5)), ensure_ascii=draw(st.booleans()))
    values = draw(st.lists(inner, max_size=3))
    if kind == "array":
        return f"[{draw(white)}{f'{draw(white)},{draw(white)}'.join(values)}{draw(white)}]"
    keys = draw(st.lists(st.text(max_size=4), min_size=3, max_size=3, unique=True))
    pairs = zip(map(json.dumps, keys), values, strict=False)
    return f"{{{','.join(f'{key}{draw(white)}:{draw(white)}{value}' for key, value in pairs)}}}"


@pytest.mark.slow
@given(st.lists(nested(scalars)))
@example([{}, [], {"b": 1, "a": [None, True, "\u00e9\ud800\u0000"]}])
def test_the_layout_is_that_of_the_json_module(value: list[Any]) -> None:
    """Four spaces, sorted keys, and `mel`'s separators, however the text was laid out before."""
    expected = json.dumps(value, indent=4, sort_keys=True, separators=(",", ": "))
    assert text_of(value) == expected
    assert rewritten(json.dumps(value)) == expected
    assert rewritten(expected) == expected


@pytest.mark.slow
@given(st.lists(spelled()))
def test_every_number_and_string_keeps_its_spelling(values: list[str]) -> None:
    """Only white space and the order of keys change."""
    text = f"[{','.join(values)}]"
    token = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s,:\[\]{}"]+')
    assert sorted(token.findall(rewritten(text))) == sorted(token.findall(text))
    assert repr(json.loads(rewritten(text))) == repr(_sorted(json.loads(text)))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("digits", ["1e400", "0.10", "-0", "-0.0", "1E+5", "7" * 5000])
def test_a_number_that_python_would_change_is_written_as_it_was_read(digits: str) -> None:
    """Neither rounded nor made infinite, and with as many digits as it has."""
    assert rewritten(f"[{digits}]") == f"[\n    {digits}\n]"


def test_deep_nesting_is_rewritten() -> None:
    """As deep as it can be read."""
    text = f'[{{"note": {"[" * 400}{"]" * 400}}}]'
    assert json.loads(rewritten(text)) == json.loads(text)


@pytest.mark.parametrize(
    "text", ["", " ", "{}", "null", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]]", "[1] x"]
)
def test_what_is_no_array_is_an_error(text: str) -> None:
    """As the json module has it."""
    with pytest.raises(ValueError, match=r"."):
        list(elements(text))


@given(st.text('[]{},:"1a \n', max_size=12).map(lambda text: f"[{text}"))
def test_an_array_is_read_exactly_if_the_json_module_reads_it(text: str) -> None:
    """With the same values, and errors for the same texts."""
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            list(elements(text))
    else:
        assert [value for value, _, _ in elements(text)] == expected


@pytest.mark.parametrize(
    "text", ['[{"a":1,"a":1}]', '[{"n":{"b":1,"\\u0062":2}}]', '[[{"":1,"":2}]]']
)
def test_a_key_that_occurs_twice_in_one_object_is_found_at_any_depth(text: str) -> None:
    """Also if it is spelled in two ways."""
    assert len(list(elements(text))) == 1
    with pytest.raises(DuplicateKeyError):
        list(elements(text, unique_keys=True))


@given(
    st.lists(st.tuples(st.text(max_size=4), spelled()), unique_by=lambda pair: pair[0], max_size=4),
    st.text(max_size=4),
)
def test_replacing_a_value_keeps_the_spelling_of_all_others(
    pairs: list[tuple[str, str]], key: str
) -> None:
    text = f"{{{','.join(f'{json.dumps(name)}:{value}' for name, value in pairs)}}}"
    others = f"{{{','.join(f'{json.dumps(n)}:{v}' for n, v in pairs if n != key)}}}"
    assert with_values(text, {key: None}) == laid_out(None, others)
    changed = with_values(text, {key: 1})
    assert json.loads(changed)[key] == 1
    assert with_values(changed, {key: None}) == laid_out(None, others)
