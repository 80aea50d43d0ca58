"""Laws of the page in a browser whose server ends, or that ends its server."""

import re
import signal
from tempfile import TemporaryDirectory

import pytest
from playwright.sync_api import Browser, expect

from browsers import PATIENCE_MS, opened, served
from extras import needs_xfeat
from mel_debug.core.geometry import Point
from pagework import (
    SMALL,
    Demo,
    click,
    words,
)

pytestmark = [pytest.mark.slow, needs_xfeat]


def test_a_server_killed_between_click_and_answer_is_noticed(browser: Browser, demo: Demo) -> None:
    before = demo.marks(0).read_bytes()
    with served(*demo.photos, *SMALL) as server:
        page = opened(browser, server.link)
        expect(page.locator("#left-view .mark")).not_to_have_count(0)
        click(page, demo.mark)
        expect(words(page)).to_have_text("Searching …")
        server.process.send_signal(signal.SIGKILL)
        expect(page.locator("#notice")).to_have_text(re.compile("not running any more"))
        expect(page.locator("#save")).to_be_disabled()
        page.context.close()
    assert demo.marks(0).read_bytes() == before
    assert not demo.marks(1).exists()


def test_a_click_at_once_is_answered_first_and_then_finally(browser: Browser, made: Demo) -> None:
    """With nothing cached. What may still change can't be saved, and is said to be so."""
    with (
        TemporaryDirectory() as cache,
        served(*made.photos, *SMALL, env={"MEL_DEBUG_CACHE": cache}) as server,
    ):
        # Only the click makes the server match the photos, however late this busy machine clicks.
        page = opened(browser, server.link, held="**/api/maps/*/*")
        expect(page.locator("#left-view .mark")).not_to_have_count(0)
        page.evaluate(
            "window.shown = []; const enable = melDebug.enable.bind(melDebug);"
            "melDebug.enable = () => { enable(); if (melDebug.answer) shown.push([melDebug.answer,"
            " document.getElementById('notes').textContent,"
            " document.getElementById('save').disabled]); };"
        )
        click(page, made.mark)
        expect(page.locator("#save")).to_be_enabled(timeout=PATIENCE_MS)
        shown = page.evaluate("shown")
        page.context.close()
    (first, note, unsaveable), (final, nothing, still) = shown[0], shown[-1]
    assert (first["provisional"], final["provisional"]) == (True, False)
    assert note.startswith("Provisional")
    assert "Provisional" not in nothing
    assert (unsaveable, still) == (True, False)
    for answer in (first, final):
        assert Point(answer["x"], answer["y"]).distance_to(made.truth) < 10


def test_a_server_can_end_with_its_page(browser: Browser, made: Demo) -> None:
    with served(*made.photos, *SMALL, "--exit-with-page") as server:
        page = opened(browser, server.link)
        page.reload()
        page.wait_for_timeout(1500)
        assert server.process.poll() is None
        page.context.close()
        assert server.process.wait(30) == 0
