"""Laws of the page in a real browser: finding, comparing, saving and reviewing."""

import json
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="Playwright's Python package is not installed")
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from browsers import PATIENCE_MS, launch, opened, served, state
from extras import needs_xfeat
from mel_debug.cli.demo import make_photos
from mel_debug.core.geometry import Point

pytestmark = [pytest.mark.slow, needs_xfeat]

SMALL = ("--extractor", "xfeat", "--image-size", "1024")
"""Stages that are quick on the demo's photos of 1.5 megapixels."""

WAIT = 30_000


@dataclass(frozen=True)
class Demo:
    """The demo's photos, with one of its moles in both, and the feature cache of these tests."""

    folder: Path
    uuid: str
    mark: Point
    truth: Point

    @property
    def photos(self) -> list[Path]:
        return [self.folder / "before.jpg", self.folder / "after.jpg"]

    def marks(self, number: int) -> Path:
        return Path(f"{self.photos[number]}.json")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    here, there = make_photos(folder, 7)
    return Demo(folder, here.uuid, Point(here.x, here.y), Point(there.x, there.y))


@pytest.fixture(scope="module")
def page(browser: Browser, made: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One page of one server for all tests, as its first search takes seconds."""
    env = {"MEL_DEBUG_CACHE": str(tmp_path_factory.mktemp("cache"))}
    with served(*made.photos, *SMALL, env=env) as server:
        page = opened(browser, server.link)
        expect(page.locator("#notice")).to_have_text("", timeout=PATIENCE_MS)
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
    page.keyboard.press("0")
    page.evaluate("melDebug.pair.left.fit(); melDebug.pair.right.fit()")
    return made


def show_marks(page: Page, photo: int, count: int) -> None:
    """Wait until the page has seen that many marks of a photo."""
    page.evaluate("melDebug.store.marks().then((marks) => melDebug.newMarks(marks))")
    assert len(state(page, f"marks.photos[{photo}].marks")) == count


def guess(demo: Demo, *marks: tuple[str, float, float, float | None]) -> None:
    """Mark moles of the right photo as `automark3` does: uuid, x, y, confidence."""
    entries = [
        {"uuid": uuid, "x": round(x), "y": round(y), "is_uuid_canonical": False}
        | ({} if confidence is None else {"confidence": confidence})
        for uuid, x, y, confidence in marks
    ]
    demo.marks(1).write_text(json.dumps(entries))


def on_screen(page: Page, side: str, point: Point) -> tuple[float, float]:
    """Where a point of a photo is in the window."""
    box = page.locator(f"#{side}-view").bounding_box()
    assert box is not None
    place = page.evaluate(f"melDebug.pair.{side}.toScreen({{x: {point.x}, y: {point.y}}})")
    return box["x"] + place["x"], box["y"] + place["y"]


def click(page: Page, point: Point) -> None:
    page.mouse.click(*on_screen(page, "left", point))


def words(page: Page) -> Locator:
    return page.locator("#words")


def find(page: Page, point: Point) -> Point:
    """Click a point of the left photo and wait for the place in the right one."""
    click(page, point)
    expect(words(page)).to_have_text(re.compile(r"^(Found|Not sure|Probably)"), timeout=WAIT)
    answer = state(page, "answer")
    return Point(answer["x"], answer["y"])


def uuids(path: Path) -> list[str]:
    return [entry["uuid"] for entry in json.loads(path.read_text())] if path.exists() else []


def wait_for(page: Page, condition: Any) -> None:
    """Wait until something outside the page is so."""
    for _ in range(200):
        if condition():
            return
        page.wait_for_timeout(50)
    assert condition()


def picture(page: Page, canvas: str) -> str:
    data: str = page.evaluate(f"document.getElementById('{canvas}').toDataURL()")
    return data


def heat(page: Page) -> list[int]:
    """The opacities of the heatmap's cells."""
    values: list[int] = page.evaluate(
        "(() => { const h = melDebug.pair.heat; return Array.from(h.context.getImageData(0, 0,"
        " h.canvas.width, h.canvas.height).data).filter((_, n) => n % 4 === 3); })()"
    )
    return values


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
    wait_for(page, lambda: uuids(demo.marks(1)) == [demo.uuid])
    page.keyboard.press("z")
    wait_for(page, lambda: not demo.marks(1).exists())
    assert demo.marks(0).read_bytes() == before


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


def test_the_keys_are_listed(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("accept, reject, unsure")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


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


def test_a_server_can_end_with_its_page(browser: Browser, made: Demo) -> None:
    with served(*made.photos, *SMALL, "--exit-with-page") as server:
        page = opened(browser, server.link)
        page.reload()
        page.wait_for_timeout(1500)
        assert server.process.poll() is None
        page.context.close()
        assert server.process.wait(30) == 0
