"""The path of a newcomer: two phone photos, a first mole, a third photo, a review, the next one."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Page, expect

from browsers import PATIENCE_MS, opened, served, state
from extras import needs_xfeat
from mel_debug.core.geometry import Point
from pagework import Demo, click, on_screen, uuids, words
from workbench import oriented, run, stored

pytestmark = [pytest.mark.slow, needs_xfeat]

ORIENTATION = 6
"""As phones store a photo that was taken upright."""

TURN = 4.0
"""Degrees by which later photos are turned."""


def as_phone(picture: Image.Image, path: Path) -> Path:
    """Save a photo as a phone does: HEIC, stored on its side, with its rotation in EXIF data."""
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heif is not installed")
    sideways = Image.fromarray(stored(np.asarray(picture), ORIENTATION))
    exif = oriented(ORIENTATION).tobytes()
    pillow_heif.from_pillow(sideways).save(path, quality=95, exif=exif)
    return path


def turned(picture: Image.Image, degrees: float) -> Image.Image:
    """The same skin on a later day: turned about the middle, a little brighter."""
    later = picture.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(128, 128, 128))
    return ImageOps.autocontrast(later, cutoff=0.5, preserve_tone=True)


def turned_point(point: Point, size: tuple[int, int], degrees: float) -> Point:
    """Where `turned` moves a point."""
    x, y = point.x - size[0] / 2, point.y - size[1] / 2
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return Point(c * x + s * y + size[0] / 2, c * y - s * x + size[1] / 2)


def place_of(photo: Path) -> Point:
    (entry,) = json.loads(Path(f"{photo}.json").read_text())
    return Point(entry["x"] + 0.5, entry["y"] + 0.5)


def find_and_save(browser: Browser, photos: list[Path], mole: Point) -> None:
    with served(*photos, command="find") as server:
        page: Page = opened(browser, server.link)
        expect(page.locator("#panes")).to_have_attribute("aria-busy", "false", timeout=PATIENCE_MS)
        click(page, mole)
        expect(words(page)).to_have_text(re.compile("^Found"), timeout=PATIENCE_MS)
        page.keyboard.press("s")
        expect(page.locator("#notice")).to_have_text("Saved.")
        page.context.close()


def accept_all(browser: Browser, photos: list[Path]) -> None:
    with served(*photos, command="review") as server:
        page = opened(browser, server.link)
        expect(page.locator("#list-count")).to_have_text("1 left")
        page.keyboard.press("j")
        expect(page.locator("#accept")).to_be_enabled()
        assert on_screen(page, "right", Point(0, 0))
        page.keyboard.press("a")
        expect(page.locator("#list-count")).to_have_text("0 left")
        assert state(page, "marks.undo")
        page.context.close()


def test_from_two_phone_photos_to_the_next_session(
    browser: Browser, made: Demo, tmp_path: Path
) -> None:
    before, after = (Image.open(path) for path in made.photos)
    later = [turned(after, TURN), turned(after, -TURN)]
    names = ["monday", "friday", "autumn", "winter"]
    photos = [
        as_phone(picture, tmp_path / f"{name}.heic")
        for name, picture in zip(names, [before, after, *later], strict=True)
    ]
    find_and_save(browser, photos[:2], made.mark)
    assert uuids(Path(f"{photos[0]}.json")) == uuids(Path(f"{photos[1]}.json"))
    assert place_of(photos[1]).distance_to(made.truth) < 10

    stages = ["--extractor", "xfeat"]
    marked = run("automark3", "--reference", str(photos[1]), "--target", str(photos[2]), *stages)
    assert marked.code == 0, marked.stderr
    assert place_of(photos[2]).distance_to(turned_point(made.truth, after.size, TURN)) < 10

    accept_all(browser, photos[:3])
    again = run("automark3", "--reference", str(photos[2]), "--target", str(photos[3]), *stages)
    assert again.code == 0, again.stderr
    assert place_of(photos[3]).distance_to(turned_point(made.truth, after.size, -TURN)) < 10
    assert uuids(Path(f"{photos[3]}.json")) == uuids(Path(f"{photos[0]}.json"))
