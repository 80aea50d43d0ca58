"""Laws of JSON texts from outside."""

import pytest

from mel_debug.core.json_value import parsed


def test_what_is_nested_too_deeply_is_an_error_like_any_other() -> None:
    """A file of brackets must not end a run in another way than one of letters."""
    for text in ("[" * 10**5 + "]" * 10**5, b'{"a":' * 10**5, "letters"):
        with pytest.raises(ValueError, match=r"deep|Expecting"):
            parsed(text)
