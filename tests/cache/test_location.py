"""Laws of the folder and the size limit of the cache."""

from pathlib import Path

import pytest

from mel_debug.cache.location import SIZE, open_store, parse_size, size_text
from mel_debug.core.errors import UsageError
from mel_debug.files.user_dirs import CACHE


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1000", 1000),
        ("7B", 7),
        ("500MB", 500_000_000),
        ("10 GB", 10**10),
        ("1.5gib", 3 * 2**29),
        (" 2 TB ", 2 * 10**12),
        ("3kB", 3000),
    ],
)
def test_sizes_have_decimal_and_binary_units(text: str, size: int) -> None:
    """Binary units have an i."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1", "10 XB", "1e9", "10 GB GB", "ten"])
def test_a_malformed_size_is_an_error_with_examples(text: str) -> None:
    """The error quotes the text."""
    with pytest.raises(UsageError, match=r"is not a size; try one like 500MB"):
        parse_size(text)


@pytest.mark.parametrize("text", ["0 B", "999 B", "1.0 kB", "12.3 MB", "10.0 GB", "2.5 TB"])
def test_printed_sizes_can_be_parsed(text: str) -> None:
    """So the output of `cache info` is valid for `--max-size`."""
    assert size_text(parse_size(text)) == text


def test_an_argument_has_priority_over_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the environment over the default folder."""
    monkeypatch.setenv(CACHE, str(tmp_path / "environment"))
    assert open_store().folder == tmp_path / "environment"
    assert open_store(tmp_path / "option").folder == tmp_path / "option"
    monkeypatch.delenv(CACHE)
    assert "mel-debug" in open_store().folder.parts


def test_the_default_limit_is_ten_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A malformed setting is an error that names the variable."""
    monkeypatch.delenv(SIZE, raising=False)
    assert open_store().most_bytes == 10**10
    monkeypatch.setenv(SIZE, "2GB")
    assert open_store().most_bytes == 2 * 10**9
    monkeypatch.setenv(SIZE, "much")
    with pytest.raises(UsageError, match=SIZE):
        open_store()


def test_opening_a_cache_makes_no_folder(tmp_path: Path) -> None:
    """The folder is made when something is stored."""
    store = open_store(tmp_path / "cache")
    assert store.entries() == []
    assert store.prune(0) == []
    assert list(tmp_path.iterdir()) == []
