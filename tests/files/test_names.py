"""Laws of file names made from any text."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mel_debug.files.names import safe_name

ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""With lone surrogates and NUL, as JSON may have them."""


@given(ANY_TEXT)
def test_a_name_is_safe_whatever_the_text(text: str) -> None:
    """Lower-case letters, digits and inner hyphens, not too long, and no device of Windows."""
    name = safe_name(text)
    assert 0 < len(name) <= 40
    assert name.isascii()
    assert name.replace("-", "").isalnum()
    assert name == name.lower()
    assert not name.startswith("-")
    assert name not in {"con", "prn", "aux", "nul", "com1", "lpt1"}


@given(ANY_TEXT, ANY_TEXT)
def test_different_texts_have_different_names(one: str, other: str) -> None:
    assert (safe_name(one) == safe_name(other)) == (one == other)


def test_a_text_that_is_safe_stays_as_it_is() -> None:
    assert safe_name("0123abcd-ef") == "0123abcd-ef"


def test_texts_that_differ_in_case_alone_have_different_names() -> None:
    """Some file systems ignore case."""
    assert safe_name("ABC").lower() != safe_name("abc").lower()


def test_a_path_becomes_one_name() -> None:
    """Nothing in it leads elsewhere."""
    for text in ("/../../x", "..", "a/b", "C:\\x", "con", "x\0y", "\ud800"):
        assert Path("folder", safe_name(text)).parent == Path("folder")
