"""Laws of the page for a newcomer: photos of a phone in a folder that holds nothing else."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from browsers import PATIENCE_MS, opened, served, state
from extras import needs_xfeat
from mel_debug.core.geometry import Point
from mel_debug.files.marks import read_moles
from mel_debug.files.photos import read_photo
from pagework import WAIT, click, words
from phones import needs_heif, photos_of_a_phone
from workbench import run_python

pytestmark = [pytest.mark.slow, needs_heif, needs_xfeat]

NEAR = 10
"""Pixels between a marked place and the truth."""


def ready(browser: Browser, link: str) -> Page:
    page = opened(browser, link)
    expect(page.locator("#panes")).to_have_attribute("aria-busy", "false", timeout=PATIENCE_MS)
    return page


def automark(reference: list[Path], target: Path) -> None:
    """Search the moles of the references in the target, in a process of its own."""
    places = ["--reference", *map(str, reference), "--target", str(target)]
    done = run_python("-m", "mel_debug", "automark3", *places, "--extractor", "xfeat", timeout=600)
    assert done.code == 0, done.stderr


def test_a_click_on_two_photos_leads_to_the_next_session(browser: Browser, tmp_path: Path) -> None:
    """Click, save, mark a third photo by machine, accept on the page, and go on from there."""
    (first, before), (second, after), (third, later), (fourth, last) = photos_of_a_phone(tmp_path)
    mole = next(iter(before))

    with served(first, second, command="find") as server:
        page = ready(browser, server.link)
        photo, size = state(page, "left"), read_photo(first).size
        assert (photo["width"], photo["height"]) == (size.width, size.height), "upright"
        click(page, Point(before[mole].x, before[mole].y))
        expect(words(page)).to_have_text(re.compile("^Found"), timeout=WAIT)
        page.keyboard.press("s")
        expect(page.locator("#notice")).to_have_text("Saved.")
        page.context.close()
    (here,), (there,) = read_moles(first), read_moles(second)
    assert here.uuid == there.uuid
    assert here.point.distance_to(Point(before[mole].x, before[mole].y)) < NEAR
    assert there.point.distance_to(Point(after[mole].x, after[mole].y)) < NEAR

    automark([first, second], third)
    (guess,) = read_moles(third)
    assert (guess.uuid, guess.is_canonical) == (here.uuid, False)
    with served(tmp_path, command="review") as server:
        page = ready(browser, server.link)
        expect(page.locator("#list-count")).to_have_text("1 left")
        page.locator("#list button").click()
        expect(words(page)).to_contain_text("Marked by the program")
        assert state(page, "right")["name"] == third.name
        page.keyboard.press("a")
        expect(page.locator("#list-count")).to_have_text("0 left")
        page.context.close()
    (accepted,) = read_moles(third)
    assert accepted.is_canonical
    assert accepted.point.distance_to(Point(later[mole].x, later[mole].y)) < NEAR

    automark([third], fourth)
    (guess,) = read_moles(fourth)
    assert guess.uuid == here.uuid
    assert guess.point.distance_to(Point(last[mole].x, last[mole].y)) < NEAR
