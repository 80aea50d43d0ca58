"""What tests of the page in a browser work with: the demo's photos, places, marks, canvases."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from browsers import state
from mel_debug.core.geometry import Point

SMALL = ("--extractor", "xfeat", "--image-size", "1024")
"""Stages that are quick on the demo's photos of 1.5 megapixels."""

WAIT = 90_000


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


def show_marks(page: Page, photo: int, count: int) -> None:
    """Wait until the page has seen that many marks of a photo.

    A page whose own change is on its way does not refresh.
    """

    def shown() -> bool:
        page.evaluate("melDebug.refresh()")
        return len(state(page, f"marks.photos[{photo}].marks")) == count

    wait_for(page, shown)


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


def wait_for(page: Page, condition: Callable[[], bool]) -> None:
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
