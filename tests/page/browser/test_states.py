"""Laws of every state of the page: axe-core finds no fault, in light and dark, wide and narrow."""

import re
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("axe_playwright_python", reason="axe-core's Python package is not installed")
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from browsers import state
from extras import needs_xfeat
from mel_debug.core.geometry import Point
from pagework import Demo, find, guess, on_screen, show_marks, uuids

pytestmark = [pytest.mark.slow, needs_xfeat]

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 420, "height": 800}


def faults(page: Page) -> list[str]:
    """What axe-core finds wrong: the rule, and the elements."""
    found: dict[str, Any] = Axe().run(page).response
    return [
        f"{each['id']}: {', '.join(node['html'][:120] for node in each['nodes'])}"
        for each in found["violations"]
    ]


def nothing_chosen(_: Demo, page: Page) -> None:
    page.mouse.move(2, 2)


def hovering(demo: Demo, page: Page) -> None:
    page.mouse.move(*on_screen(page, "left", demo.mark))


def found(demo: Demo, page: Page) -> None:
    find(page, demo.mark)
    expect(page.locator("#words")).to_have_class("words found")


def show_answer(page: Page, kind: str, words: str) -> None:
    """The answer of the last search, as if it had been another."""
    page.evaluate(
        f"Object.assign(melDebug.answer, {{kind: '{kind}', words: '{words}', radius: 40}});"
        f"melDebug.say('{words}', '{kind}', ['No spot under your mark']); melDebug.compareAgain();"
        "melDebug.drawLayers(); melDebug.enable()"
    )


def fading(demo: Demo, page: Page) -> None:
    find(page, demo.mark)
    page.locator("#fade").fill("50")
    expect(page.locator("#right-view .over-label")).to_be_visible()


def unsure(demo: Demo, page: Page) -> None:
    find(page, demo.mark)
    show_answer(page, "unsure", "Not sure (53 %): other places look almost as similar")
    expect(page.locator("#right-view .answer.unsure circle.stroke")).to_have_count(1)


def absent(demo: Demo, page: Page) -> None:
    """A mole that is probably not there has no circle, and can't be saved."""
    find(page, demo.mark)
    show_answer(page, "absent", "Probably not there")
    expect(page.locator("#right-view .answer.absent circle")).to_have_count(0)
    expect(page.locator("#save")).to_be_disabled()


def reviewing(demo: Demo, page: Page) -> None:
    names = uuids(demo.marks(0))[:3]
    guess(demo, *((uuid, 300.0 + 90 * n, 500.0, 0.5) for n, uuid in enumerate(names)))
    show_marks(page, 1, 3)
    page.locator("#mode-review").click()
    page.locator("#filter-outcome").select_option("all")
    page.locator("#list button").first.click()
    expect(page.locator("#right-view .mark.open.chosen")).to_have_count(1)


def nothing_to_review(_: Demo, page: Page) -> None:
    page.locator("#mode-review").click()
    page.locator("#filter-outcome").select_option("open")
    expect(page.locator("#list")).to_have_text("Nothing here.")


def help_open(_: Demo, page: Page) -> None:
    page.locator("#help-open").click()
    expect(page.get_by_role("dialog")).to_be_visible()


STATES: list[Callable[[Demo, Page], None]] = [
    nothing_chosen,
    hovering,
    found,
    fading,
    unsure,
    absent,
    reviewing,
    nothing_to_review,
    help_open,
]


@pytest.mark.parametrize("enter", STATES, ids=lambda enter: enter.__name__)
def test_axe_finds_no_fault(demo: Demo, page: Page, enter: Callable[[Demo, Page], None]) -> None:
    enter(demo, page)
    for scheme, size in (("light", WIDE), ("dark", NARROW)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] # one of two words
        page.set_viewport_size(size)  # type: ignore[arg-type] # width and height
        assert faults(page) == [], scheme
    page.keyboard.press("Escape")
    page.locator("#fade").fill("0")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type] # width and height


def test_a_narrow_window_needs_no_scrolling_sideways(demo: Demo, page: Page) -> None:
    reviewing(demo, page)
    for width in (1280, 1000, 640, 360):
        page.set_viewport_size({"width": width, "height": 700})
        beyond = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert beyond <= 0, width
    places = [
        page.locator(name).bounding_box()
        for name in ("#left-view", "#right-view", "#compare", "#list")
    ]
    tops = [place["y"] for place in places if place]
    assert tops == sorted(set(tops)), "stacked one below the other"
    page.set_viewport_size({"width": 1280, "height": 800})


def test_marks_are_told_apart_by_shape(demo: Demo, page: Page) -> None:
    """Dashed until reviewed, crossed when rejected, solid when accepted, in all colours."""
    reviewing(demo, page)
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    style = (
        "getComputedStyle(document.querySelector('#right-view .mark.{} .stroke')).strokeDasharray"
    )
    assert page.evaluate(style.format("open")) != "none"
    page.keyboard.press("a")
    expect(page.locator("#right-view .mark.accepted")).to_have_count(1)
    assert page.evaluate(style.format("accepted")) == "none"
    page.locator("#list button[aria-label$=open]").first.click()
    page.keyboard.press("r")
    expect(page.locator("#right-view .mark.rejected path.stroke")).to_have_count(1)
    durations = page.evaluate(
        "[...document.querySelectorAll('*')].map((e) => getComputedStyle(e).transitionDuration)"
    )
    assert set(durations) == {"0s"}
    page.emulate_media(forced_colors="none", reduced_motion="no-preference")


def test_uuids_are_short_and_no_score_is_shown(demo: Demo, page: Page) -> None:
    found(demo, page)
    text = page.locator("body").inner_text()
    assert not re.search(r"[0-9a-f]{9}", text)
    assert state(page, "answer")["uuid"] == demo.uuid
    assert (
        Point(**{axis: state(page, "answer")[axis] for axis in "xy"}).distance_to(demo.truth) < 10
    )
