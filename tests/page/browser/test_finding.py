"""Laws of the page in a browser: hovering, finding, comparing and saving."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from browsers import state
from extras import needs_xfeat
from mel_debug.core.geometry import Point
from pagework import (
    WAIT,
    Demo,
    find,
    heat,
    on_screen,
    picture,
    show_marks,
    uuids,
    wait_for,
    words,
)

pytestmark = [pytest.mark.slow, needs_xfeat]


def test_the_link_leaves_the_address_bar(page: Page) -> None:
    assert "token" not in page.url
    assert page.evaluate("document.cookie") == ""


def test_hovering_shows_where_a_place_leads_and_what_is_similar(demo: Demo, page: Page) -> None:
    page.mouse.move(*on_screen(page, "left", demo.mark))
    cross = page.locator("#right-view .crosshair:not(.query)")
    expect(cross).to_have_count(1)
    led = page.evaluate("(() => melDebug.pair.map.at(melDebug.pair.cross))()")
    assert Point(**led).distance_to(demo.truth) < 15
    page.wait_for_timeout(100)
    first = heat(page)
    assert max(first) > 200
    assert sorted(first)[len(first) // 2] < 100
    page.mouse.move(*on_screen(page, "left", Point(demo.mark.x + 200, demo.mark.y - 300)))
    page.wait_for_timeout(100)
    assert heat(page) != first
    box = page.locator("#right-view").bounding_box()
    assert box is not None
    page.mouse.move(*on_screen(page, "right", demo.truth))
    back = state(page, "pair.cross")
    assert Point(**back).distance_to(demo.mark) < 15
    page.mouse.move(2, 2)
    assert state(page, "pair.cross") is None
    page.mouse.move(*on_screen(page, "right", demo.truth))
    assert state(page, "pair.cross") is not None, "back at the same pixel"


def test_the_demos_mole_is_found_saved_and_undone_to_the_byte(demo: Demo, page: Page) -> None:
    before = demo.marks(0).read_bytes()
    assert find(page, demo.mark).distance_to(demo.truth) < 10
    expect(words(page)).to_have_text(re.compile("^Found, quite sure"))
    expect(page.locator("#right-view .answer.found")).to_have_count(1)
    page.locator("#save").click()
    expect(page.locator("#notice")).to_have_text("Saved.")
    assert demo.uuid in uuids(demo.marks(0))
    assert uuids(demo.marks(1)) == [demo.uuid]
    page.locator("#undo").click()
    expect(page.locator("#notice")).to_have_text("Undone.")
    assert demo.marks(0).read_bytes() == before
    assert not demo.marks(1).exists()


def test_a_new_mole_is_saved_in_both_photos(demo: Demo, page: Page) -> None:
    """With a click where nothing is marked yet."""
    before = demo.marks(0).read_bytes()
    entries = [each for each in json.loads(before) if each["uuid"] != demo.uuid]
    demo.marks(0).write_text(json.dumps(entries))
    show_marks(page, 0, len(entries))
    unmarked = demo.marks(0).read_bytes()
    assert find(page, demo.mark).distance_to(demo.truth) < 10
    page.locator("#save").click()
    expect(page.locator("#notice")).to_have_text("Saved.")
    (new,) = uuids(demo.marks(1))
    assert uuids(demo.marks(0)) == [*(each["uuid"] for each in entries), new]
    page.locator("#undo").click()
    expect(page.locator("#notice")).to_have_text("Undone.")
    assert demo.marks(0).read_bytes() == unmarked
    assert not demo.marks(1).exists()


def test_blinking_shows_the_left_crop_in_place_of_the_right(demo: Demo, page: Page) -> None:
    find(page, demo.mark)
    page.wait_for_timeout(300)
    left, right = picture(page, "crop-left"), picture(page, "crop-right")
    assert left != right
    page.keyboard.down("b")
    assert picture(page, "crop-right") == left
    expect(page.locator("#crop-right-name")).to_have_text("before.jpg")
    page.keyboard.up("b")
    assert picture(page, "crop-right") == right
    button = page.locator("#blink").bounding_box()
    assert button is not None
    page.mouse.move(button["x"] + 9, button["y"] + 9)
    page.mouse.down()
    assert picture(page, "crop-right") == left
    page.mouse.up()
    assert picture(page, "crop-right") == right
    page.locator("#fade").fill("50")
    assert picture(page, "crop-right") not in (left, right)
    page.locator("#fade").fill("0")


def test_blinking_lays_the_left_photo_over_the_right_one(demo: Demo, page: Page) -> None:
    """Registered: each mole appears where its photo has it, zoomed out and in; also by fading."""
    over = page.locator("#right-view .over")
    for zoom in (1, 4):
        page.evaluate(f"melDebug.pair.centre({{x: {demo.mark.x}, y: {demo.mark.y}}}, null)")
        page.evaluate(f"melDebug.pair.left.zoomBy({zoom})")
        page.wait_for_timeout(600)
        expect(over).to_be_hidden()
        there = page.evaluate(f"melDebug.pair.map.at({{x: {demo.mark.x}, y: {demo.mark.y}}})")
        page.keyboard.down("b")
        expect(over).to_be_visible()
        expect(page.locator("#right-view .over-label")).to_have_text("before.jpg")
        assert patches_differ(page, demo.mark, Point(**there)) < 8
        assert patches_differ(page, demo.mark, Point(there["x"] + 30, there["y"])) > 16
        page.keyboard.up("b")
        expect(over).to_be_hidden()
    page.locator("#fade").fill("40")
    expect(over).to_have_css("opacity", "0.4")
    page.locator("#fade").fill("0")
    expect(over).to_be_hidden()


def patches_differ(page: Page, left: Point, over: Point) -> float:
    """The mean difference of 9 x 9 pixels on the screen around a point of each photo, in green."""
    script = """([here, there]) => {
        const patch = (canvas, {x, y}) => [...canvas.getContext("2d").getImageData(
            Math.round(x) - 4, Math.round(y) - 4, 9, 9).data].filter((_, n) => n % 4 === 1);
        const { left, right, over } = melDebug.pair;
        const one = patch(left.canvas, left.toScreen(here));
        const other = patch(over.canvas, right.toScreen(there));
        return one.reduce((sum, value, n) => sum + Math.abs(value - other[n]), 0) / one.length;
    }"""
    return float(page.evaluate(script, [{"x": each.x, "y": each.y} for each in (left, over)]))


def test_dragging_one_photo_moves_the_other_to_the_same_skin(demo: Demo, page: Page) -> None:
    x, y = on_screen(page, "left", demo.mark)
    page.mouse.move(x, y)
    for _ in range(6):
        page.mouse.wheel(0, -200)
    page.mouse.down()
    page.mouse.move(x - 60, y - 40, steps=4)
    page.mouse.up()
    middle = page.evaluate(
        "(({cx, cy}) => melDebug.pair.map.at({x: cx, y: cy}))(melDebug.pair.left.view)"
    )
    right = state(page, "pair.right.view")
    assert Point(**middle).distance_to(Point(right["cx"], right["cy"])) < 1
    assert state(page, "answer") is None, "a drag is not a click"
    assert state(page, "pair.left.view")["zoom"] > 1
    expect(page.locator("#linked")).to_be_checked()
    page.keyboard.press("l")
    before = state(page, "pair.right.view")
    page.mouse.wheel(0, 200)
    assert state(page, "pair.right.view") == before
    page.keyboard.press("l")


def test_everything_works_by_keyboard_alone(demo: Demo, page: Page) -> None:
    """Find, save and undo; then review: order, verdicts, moving, filters."""
    before = demo.marks(0).read_bytes()
    page.locator("#left-view").focus()
    page.keyboard.press("ArrowRight")
    steps = page.evaluate("melDebug.pair.cross")
    zoom = state(page, "pair.left.view.zoom")
    for key, away in (("Right", demo.mark.x - steps["x"]), ("Down", demo.mark.y - steps["y"])):
        arrow = f"Arrow{key if away > 0 else {'Right': 'Left', 'Down': 'Up'}[key]}"
        times = round(abs(away) * zoom / 3)
        for _ in range(times // 10):
            page.keyboard.press(f"Shift+{arrow}")
        for _ in range(times % 10):
            page.keyboard.press(arrow)
    page.keyboard.press("Enter")
    expect(words(page)).to_have_text(re.compile("^Found"), timeout=WAIT)
    page.keyboard.press("s")
    expect(page.locator("#notice")).to_have_text("Saved.")
    assert uuids(demo.marks(1)) == [demo.uuid]
    page.keyboard.press("z")
    wait_for(page, lambda: not demo.marks(1).exists())
    assert demo.marks(0).read_bytes() == before


def test_the_keys_are_listed(page: Page) -> None:
    """Also where a slider has the focus, which needs only the keys that move it."""
    page.get_by_role("slider", name="Heatmap").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("accept, reject, unsure")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
