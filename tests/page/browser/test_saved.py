"""Laws of a saved page: one file that needs no server and makes no request."""

import json
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from browsers import state
from extras import needs_xfeat
from mel_debug.core.geometry import Point
from mel_debug.files.marker import is_own_page
from pagework import SMALL, Demo, heat, on_screen, picture
from workbench import run

pytestmark = [pytest.mark.slow, needs_xfeat]


@pytest.fixture(scope="module")
def saved(made: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of the demo's photos with two marked moles, saved."""
    folder = tmp_path_factory.mktemp("saved")
    for path in made.folder.glob("*.jpg*"):
        if "truth" not in path.name:
            shutil.copy(path, folder)
    marks = folder / "before.jpg.json"
    entries = json.loads(marks.read_text())
    chosen = [each for each in entries if each["uuid"] == made.uuid]
    others = [each for each in entries if each["uuid"] != made.uuid][:1]
    marks.write_text(json.dumps(chosen + others))
    (folder / "after.jpg.json").unlink(missing_ok=True)
    page = folder / "page.html"
    photos = [str(folder / f"{name}.jpg") for name in ("before", "after")]
    outcome = run("explore", *photos, "--save", str(page), *SMALL)
    assert outcome.code == 0, outcome.stderr
    return page


def test_a_saved_page_works_from_a_file_and_makes_no_request(
    browser: Browser, made: Demo, saved: Path
) -> None:
    """With the network blocked and every request counted."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True)
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    page.on("console", lambda message: requests.append(message.text))
    page.goto(saved.as_uri())
    expect(page.locator("#panes")).to_have_attribute("aria-busy", "false")
    page.mouse.move(*on_screen(page, "left", made.mark))
    page.wait_for_timeout(200)
    assert max(heat(page)) > 200
    page.mouse.click(*on_screen(page, "left", made.mark))
    expect(page.locator("#words")).to_have_text(re.compile(r"^Found, quite sure \(\d+ %\)$"))
    answer = state(page, "answer")
    assert Point(answer["x"], answer["y"]).distance_to(made.truth) < 10
    page.wait_for_timeout(300)
    left, right = picture(page, "crop-left"), picture(page, "crop-right")
    page.keyboard.down("b")
    assert picture(page, "crop-right") == left != right
    page.keyboard.up("b")
    page.mouse.click(*on_screen(page, "left", Point(made.mark.x - 150, made.mark.y - 100)))
    expect(page.locator("#words")).to_contain_text("About here")
    expect(page.locator("#save")).to_be_hidden()
    assert requests == [saved.as_uri()]
    context.close()


def test_a_saved_page_holds_no_token(saved: Path) -> None:
    """Nor the places of the photos on this machine."""
    text = saved.read_text()
    assert '"token"' not in text
    assert str(saved.parent) not in text
    policy = text.split('http-equiv="Content-Security-Policy" content="', 1)[1].split('"', 1)[0]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")


def test_a_saved_page_may_be_replaced_by_the_next(saved: Path) -> None:
    assert is_own_page(saved)
