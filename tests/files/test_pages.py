"""Laws of pages: they show any text, and lead to their pictures."""

import os
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.core.errors import UsageError
from mel_debug.files.html_report import write_page
from mel_debug.files.marker import is_own_page
from mel_debug.files.outputs import OutputGuard


class Sources(HTMLParser):
    """The URLs of a page's images, and all text it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.urls += [value or "" for name, value in attrs if (tag, name) == ("img", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(page: Path) -> Sources:
    found = Sources()
    found.feed(page.read_bytes().decode("utf-8"))
    return found


ODD = [b"a b.jpg", b"a#b?c.jpg", b"100%41.jpg", b'"&<>.jpg', b"new\nline.jpg", b"\xff\xfe.jpg"]


@pytest.mark.parametrize("raw", ODD, ids=repr)
def test_a_page_leads_to_its_pictures_whatever_they_are_called(tmp_path: Path, raw: bytes) -> None:
    """The URL, resolved as a browser does, is the very file."""
    try:
        (tmp_path / os.fsdecode(raw)).write_bytes(b"picture")
    except OSError:
        pytest.skip("this file system has no such names")
    page = write_page(tmp_path, "title", [(os.fsdecode(raw), os.fsdecode(raw))])
    (url,) = parsed(page).urls
    assert not set(url) & set(' #?"<>\n')
    resolved = Path(os.fsdecode(os.fsencode(page.parent) + b"/" + unquote_to_bytes(url)))
    assert resolved.read_bytes() == b"picture"


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_can_be_shown(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """As UTF-8, with nothing that a browser or an editor would obey; line breaks of a text stay."""
    folder = tmp_path_factory.mktemp("page")
    page = write_page(folder, text, [("a.jpg", text)], f"one\n{text}")
    shown = page.read_bytes().decode("utf-8")
    assert not any(char < " " and char != "\n" for char in shown)
    assert "\x7f" not in shown
    assert len(parsed(page).urls) == 1
    assert is_own_page(page)


def test_a_page_of_another_program_is_replaced_only_if_forced(tmp_path: Path) -> None:
    """One that was written earlier is replaced."""
    page = tmp_path / "index.html"
    page.write_text("<html>mine</html>")
    with pytest.raises(UsageError, match="`force`"):
        write_page(tmp_path, "title", [], guard=OutputGuard())
    assert page.read_text() == "<html>mine</html>"
    write_page(tmp_path, "title", [], guard=OutputGuard(force=True))
    write_page(tmp_path, "another", [], guard=OutputGuard())
    assert "another" in page.read_text()
