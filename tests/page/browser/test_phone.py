"""Laws of the page with photos of a phone: HEIC, stored on their side, opened by `find`."""

import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from browsers import PATIENCE_MS, opened, served, state
from extras import needs_xfeat
from mel_debug.core.geometry import Point
from mel_debug.files.photos import read_photo
from pagework import WAIT, Demo, click, uuids, words
from workbench import oriented, stored

pytestmark = [pytest.mark.slow, needs_xfeat]

ORIENTATION = 6
"""As phones store a photo that was taken upright."""


def as_phone(photo: Path, path: Path) -> Path:
    """A photo as a phone saves it, with its rotation in EXIF data, and its mask."""
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heif is not installed")
    sideways = Image.fromarray(stored(read_photo(photo).pixels, ORIENTATION))
    exif = oriented(ORIENTATION).tobytes()
    pillow_heif.from_pillow(sideways).save(path, quality=95, exif=exif)
    shutil.copy(f"{photo}.mask.png", f"{path}.mask.png")
    return path


def test_a_mole_of_two_phone_photos_is_found_and_saved(
    browser: Browser, made: Demo, tmp_path: Path
) -> None:
    """The photos are upright; one click and one key mark the mole in both."""
    photos = [
        as_phone(photo, tmp_path / f"{name}.heic")
        for photo, name in zip(made.photos, ("monday", "friday"), strict=True)
    ]
    with served(*photos, command="find") as server:
        page = opened(browser, server.link)
        expect(page.locator("#panes")).to_have_attribute("aria-busy", "false", timeout=PATIENCE_MS)
        photo = state(page, "left")
        size = read_photo(made.photos[0]).size
        assert (photo["width"], photo["height"]) == (size.width, size.height)
        click(page, made.mark)
        expect(words(page)).to_have_text(re.compile("^Found"), timeout=WAIT)
        page.keyboard.press("s")
        expect(page.locator("#notice")).to_have_text("Saved.")
        page.context.close()
    one, other = (json.loads(Path(f"{path}.json").read_text())[0] for path in photos)
    assert uuids(Path(f"{photos[0]}.json")) == uuids(Path(f"{photos[1]}.json")) == [one["uuid"]]
    assert Point(one["x"] + 0.5, one["y"] + 0.5).distance_to(made.mark) < 4
    assert Point(other["x"] + 0.5, other["y"] + 0.5).distance_to(made.truth) < 10
