"""Laws of the page in a browser: reviewing marks, by mouse and by key, in two tabs."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browsers import state
from extras import needs_xfeat
from mel_debug.core.geometry import Point
from pagework import (
    Demo,
    guess,
    on_screen,
    show_marks,
    uuids,
)

pytestmark = [pytest.mark.slow, needs_xfeat]


def test_a_mark_is_dragged_to_another_place(demo: Demo, page: Page) -> None:
    guess(demo, (demo.uuid, demo.truth.x + 8, demo.truth.y, 0.6))
    show_marks(page, 1, 1)
    page.locator("#mode-review").click()
    page.locator("#list button").click()
    x, y = on_screen(page, "right", Point(demo.truth.x + 8, demo.truth.y))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 30, y + 10, steps=3)
    page.mouse.up()
    expect(page.locator("#notice")).to_have_text("Moved.")
    moved = json.loads(demo.marks(1).read_text())[0]
    zoom = state(page, "pair.right.view.zoom")
    assert abs(moved["x"] - (round(demo.truth.x + 8) - 30 / zoom)) <= 1.5
    assert moved["confidence"] == 0.6


def test_a_review_by_keys(demo: Demo, page: Page) -> None:
    names = uuids(demo.marks(0))[:4]
    guess(
        demo, *((uuid, 300 + 90 * n, 500, [0.9, 0.4, None, 0.6][n]) for n, uuid in enumerate(names))
    )
    show_marks(page, 1, 4)
    page.locator("#mode-review").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#list-count")).to_have_text("4 left")
    order = [button.get_attribute("data-key") for button in page.locator("#list button").all()]
    assert order == [f"1/{names[n]}" for n in (2, 1, 3, 0)], "least sure first"
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.locator("#list-count")).to_have_text("3 left")
    expect(page.locator("#list [aria-current]")).to_have_attribute("data-key", f"1/{names[1]}")
    page.keyboard.press("r")
    expect(page.locator("#list-count")).to_have_text("2 left")
    page.keyboard.press("u")
    expect(page.locator("#list-count")).to_have_text("1 left")
    marks = {each["uuid"]: each for each in json.loads(demo.marks(1).read_text())}
    assert marks[names[2]]["is_uuid_canonical"] is True
    assert names[1] not in marks
    assert marks[names[3]]["unsure"] is True
    assert uuids(Path(f"{demo.photos[1]}.rejected.json")) == [names[1]]
    x, y = marks[names[0]]["x"], marks[names[0]]["y"]
    page.keyboard.press("m")
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowUp", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#notice")).to_have_text("Moved.")
    moved = {each["uuid"]: each for each in json.loads(demo.marks(1).read_text())}[names[0]]
    assert (moved["x"], moved["y"]) == (x + 2, y - 10)
    page.locator("#filter-outcome").select_option("all")
    kinds = ["accepted", "rejected", "unsure", "open"]
    for kind in kinds:
        expect(page.locator(f"#right-view .mark.{kind}")).to_have_count(1)
    page.keyboard.press("Escape")
    page.locator("#mode-review").focus()
    page.keyboard.press("h")
    expect(page.locator("#right-view .mark:not(.chosen)")).to_have_count(0)
    page.keyboard.press("h")
    for left in ("1 left", "2 left", "3 left", "4 left"):
        page.keyboard.press("z")
        expect(page.locator("#list-count")).to_have_text(left)
    page.locator("#filter-outcome").select_option("open")
    assert all(not each["is_uuid_canonical"] for each in json.loads(demo.marks(1).read_text()))


def test_two_tabs_show_the_same_marks(demo: Demo, page: Page) -> None:
    """A change appears in the other; a judgement about an older state is refused and explained."""
    guess(demo, (demo.uuid, 300, 500, 0.5))
    show_marks(page, 1, 1)
    other = page.context.new_page()
    other.goto(page.url)
    other.locator("#mode-review").click()
    other.locator("#list button").click()
    other.evaluate(
        "(() => { const show = melDebug.newMarks.bind(melDebug);"
        " melDebug.newMarks = (marks) => { if (!melDebug.late) show(marks); }; })()"
    )
    other.evaluate("melDebug.late = true")
    page.locator("#mode-review").click()
    page.locator("#list button").click()
    page.keyboard.press("a")
    expect(page.locator("#list-count")).to_have_text("0 left")
    content = demo.marks(1).read_bytes()
    other.keyboard.press("r")
    expect(other.locator("#notice")).to_contain_text("changed by another program")
    assert demo.marks(1).read_bytes() == content
    other.evaluate("melDebug.late = false")
    page.keyboard.press("z")
    expect(page.locator("#list-count")).to_have_text("1 left")
    expect(other.locator("#list-count")).to_have_text("1 left")
    other.close()
