"""Text from outside never steers a terminal."""

from hypothesis import given
from hypothesis import strategies as st

from mel_debug.core.escape import escaped

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT)
def test_what_is_escaped_is_one_printable_line_of_utf_8(text: str) -> None:
    shown = escaped(text)
    shown.encode("utf-8")
    assert len(shown.splitlines()) <= 1
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in shown)


@given(ANY_TEXT)
def test_escaping_twice_changes_no_more_than_once(text: str) -> None:
    assert escaped(escaped(text)) == escaped(text)


def test_ordinary_text_of_any_language_stays_as_it_is() -> None:
    text = "Rücken links, плечо, 背中 (2).jpg"
    assert escaped(text) == text


def test_escape_sequences_newlines_and_undecodable_bytes_are_shown() -> None:
    assert escaped("a\x1b[31m\n\u202eb\udcff") == "a\\x1b[31m\\x0a\\u202eb\\udcff"
