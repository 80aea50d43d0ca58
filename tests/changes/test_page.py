"""The page of aligned crops: one file, no network, and a comparator that works by keyboard."""

import base64
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mel_debug.changes.page import SMALL_PRINT, Entry, Picture, Section, page_html
from mel_debug.changes.strip import GAP, MOST_COLUMNS, TILE, draw_strip
from mel_debug.core.types import Pixels

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def plain(level: int, side: int = 32) -> Pixels:
    return np.full((side, side, 3), level, dtype=np.uint8)


def example() -> str:
    """Two entries of two crops, of which the second is darker, and one without a picture."""
    entries = tuple(
        Entry(
            f"Mole {number} <b>&",
            "a sentence",
            (Picture("before", "before", plain(200)), Picture("after", "after", plain(100), True)),
        )
        for number in range(2)
    )
    missing = Entry("Mole 2", "out of view", (Picture("before", "no", None),))
    sections = [Section("New", entries), Section("Gone", (missing,)), Section("Same", ())]
    return page_html("A <title>", "intro", sections, [["a", "b"], ["1", "<2>"]])


def test_texts_are_escaped_and_the_small_print_is_there() -> None:
    """Names of files may contain anything."""
    html = example()
    assert "<b>&" not in html
    assert "&lt;b&gt;&amp;" in html
    assert "&lt;2&gt;" in html
    assert SMALL_PRINT in html


def test_only_its_own_script_and_style_may_run() -> None:
    """The policy has the hashes of both, and no source but data for pictures."""
    html = example()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    for kind in ("script", "style"):
        (text,) = re.findall(rf"<{kind}>(.*?)</{kind}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src &#x27;sha256-{digest}&#x27;" in policy[1]
    assert policy[1].startswith("default-src &#x27;none&#x27;")
    assert not re.search(r'(src|href)="(?!data:)', html)


def test_a_strip_has_a_tile_for_each_picture() -> None:
    """In rows, with the crops where they belong."""
    pictures = [Picture("", f"caption {n}", plain(10 * n)) for n in range(MOST_COLUMNS + 2)]
    strip = draw_strip(pictures)
    assert strip.shape[1] == MOST_COLUMNS * (TILE + GAP) + GAP
    assert (strip[GAP : GAP + TILE, GAP + TILE + GAP : 2 * (GAP + TILE)] == 10).all()
    assert (strip == 10 * (MOST_COLUMNS + 1)).sum() >= 3 * TILE * TILE


@pytest.mark.slow
def test_the_comparator_works_by_keyboard(tmp_path: Path, browser: "Browser") -> None:
    """B flips, D shows the difference, N goes on; no request leaves the page."""
    page_path = tmp_path / "page.html"
    page_path.write_text(example())
    page = browser.new_page()
    problems: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(page_path.as_uri())
    assert page.inner_text("#said") == "before"
    page.keyboard.down("b")
    assert page.inner_text("#said") == "after"
    assert page.eval_on_selector("#after", "image => image.style.opacity") == "1"
    page.keyboard.up("b")
    assert page.inner_text("#said") == "before"
    page.keyboard.press("d")
    page.wait_for_function(
        "() => { const c = document.getElementById('difference'); return c.width === 32 && "
        "c.getContext('2d').getImageData(16, 16, 1, 1).data[0] < 60; }"
    )
    page.keyboard.press("d")
    page.keyboard.press("n")
    assert page.inner_text("#chosen").startswith("Mole 1")
    page.focus("#flip")
    page.keyboard.down("Space")
    assert page.get_attribute("#flip", "aria-pressed") == "true"
    page.keyboard.up("Space")
    assert page.get_attribute("#flip", "aria-pressed") == "false"
    page.close()
    assert problems == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
