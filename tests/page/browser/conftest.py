"""One server and one page for all tests here, as a first search takes seconds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="Playwright's Python package is not installed")
from playwright.sync_api import Browser, Page, expect

from browsers import PATIENCE_MS, opened, served
from mel_debug.cli.demo import make_photos
from mel_debug.core.geometry import Point
from pagework import SMALL, Demo, show_marks


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    here, there = make_photos(folder, 7)
    return Demo(folder, here.uuid, Point(here.x, here.y), Point(there.x, there.y))


@pytest.fixture(scope="package")
def page(browser: Browser, made: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    env = {"MEL_DEBUG_CACHE": str(tmp_path_factory.mktemp("cache"))}
    with served(*made.photos, *SMALL, env=env) as server:
        page = opened(browser, server.link)
        expect(page.locator("#panes")).to_have_attribute("aria-busy", "false", timeout=PATIENCE_MS)
        yield page
        page.context.close()


@pytest.fixture
def demo(made: Demo, page: Page) -> Demo:
    """The demo with the marks that it had at first, which the page shows in mode Find."""
    first = made.folder / "first"
    if not first.exists():
        first.write_bytes(made.marks(0).read_bytes())
    made.marks(0).write_bytes(first.read_bytes())
    made.marks(1).unlink(missing_ok=True)
    Path(f"{made.photos[1]}.rejected.json").unlink(missing_ok=True)
    show_marks(page, 1, 0)
    page.locator("#mode-find").click()
    page.mouse.move(2, 2)
    page.keyboard.press("0")
    page.evaluate("melDebug.pair.left.fit(); melDebug.pair.right.fit()")
    return made
