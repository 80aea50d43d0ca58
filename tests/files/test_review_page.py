"""Laws of review pages: any text, every picture once, and quick to open with many moles."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.core.errors import UsageError
from mel_debug.core.geometry import Point, Size
from mel_debug.core.photo import Photo
from mel_debug.files.crops import (
    CROP_SIDE,
    OpenPhotos,
    crop,
    crop_place,
    whole,
    whole_place,
    write_overview,
    write_strip,
)
from mel_debug.files.marker import is_own_page
from mel_debug.files.outputs import OutputGuard
from mel_debug.files.review_page import (
    Card,
    Overview,
    Panel,
    Picture,
    Section,
    Sign,
    Spot,
    write_review,
)
from workbench import save, skin

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

KINDS = {"unsure": "uncertain", "good": "added", "gone": "not found"}


def card(number: int, kind: str = "good", text: str = "a mole", strip: bool = True) -> Card:
    picture = Picture(f"{number}.jpg", Size(608, CROP_SIDE), text) if strip else None
    panels = (Panel(text, (Sign("cross", "mole"),)), Panel(text, (Sign("ring", kind),)))
    return Card(number, kind, text, text, (text,), picture, panels if strip else ())


def section(cards: list[Card], text: str = "a photo") -> Section:
    spots = tuple(Spot(each, 0.05 + 0.09 * (i % 10), 0.5) for i, each in enumerate(cards))
    overview = Overview(Picture("whole.jpg", Size(640, 480), text), text, spots)
    return Section(text, text, tuple(cards), (overview,))


class Elements(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements(page: Path) -> Elements:
    parser = Elements()
    parser.feed(page.read_text())
    return parser


@pytest.mark.slow
@given(st.text(st.characters(exclude_categories=())))
def test_any_text_can_be_shown(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """As UTF-8, without control characters, and never as markup."""
    folder = tmp_path_factory.mktemp("page")
    page = write_review(folder, text, [section([card(1, text=text)], text)], KINDS, text)
    shown = page.read_bytes().decode("utf-8")
    assert not any(char < " " and char != "\n" for char in shown)
    plain = write_review(folder, "a", [section([card(1, text="a")], "a")], KINDS, "a")
    assert [tag for tag, _ in elements(page).found] == [tag for tag, _ in elements(plain).found]
    assert is_own_page(page)


def test_a_page_refers_to_its_own_folder_only(tmp_path: Path) -> None:
    """No script, no address, and each picture is loaded when it comes into view."""
    cards = [card(number, kind) for number, kind in enumerate(KINDS)]
    page = write_review(tmp_path, "moles", [section(cards)], KINDS)
    text = page.read_text()
    assert "://" not in text
    found = elements(page).found
    assert not [tag for tag, _ in found if tag in ("script", "link", "iframe", "object")]
    images = [attributes for tag, attributes in found if tag == "img"]
    assert [each["src"] for each in images] == ["whole.jpg", "0.jpg", "1.jpg", "2.jpg"]
    for each in images:
        assert each["loading"] == "lazy"
        assert each["alt"]
        assert each["width"]
        assert each["height"]


def test_every_link_leads_to_a_place_of_the_page(tmp_path: Path) -> None:
    sections = [section([card(number)], f"photo {number}") for number in range(3)]
    found = elements(write_review(tmp_path, "moles", sections, KINDS)).found
    targets = {attributes.get("id") for _, attributes in found}
    links = [attributes["href"] for tag, attributes in found if tag in ("a", "use")]
    assert len(links) == 3 + 3 + 2 * 3  # photos, spots, signs
    assert {(link or "")[1:] for link in links} <= targets


def test_a_thousand_moles_are_a_small_page(tmp_path: Path) -> None:
    """The page itself is a fraction of its pictures."""
    page = write_review(tmp_path, "moles", [section([card(n) for n in range(1000)])], KINDS)
    assert page.stat().st_size < 2_500_000


def test_a_foreign_page_is_replaced_only_if_forced(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<html>mine</html>")
    with pytest.raises(UsageError, match="`force`"):
        write_review(tmp_path, "moles", [], KINDS, guard=OutputGuard())
    assert "nothing to show" in write_review(tmp_path, "moles", [], KINDS).read_text()


@given(st.floats(0, 399.9), st.floats(0, 299.9))
def test_a_crop_shows_a_point_where_it_says(x: float, y: float) -> None:
    """To within a pixel of the photo, also at its edges; and so does the small whole photo."""
    pixels = np.zeros((300, 400, 3), dtype=np.uint8)
    row, column = int(y), int(x)
    pixels[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3] = 255
    photo, point = Photo.of(pixels), Point(column + 0.5, row + 0.5)
    zoom = CROP_SIDE / 25  # a sixteenth of 400
    centre = Point(min(max(point.x, 20), 380) + 3, min(max(point.y, 20), 280) - 3)
    for picture, at, one in (
        (crop(photo, centre), crop_place(photo, centre, point), zoom),
        (whole(photo), whole_place(photo, point), CROP_SIDE / 400),
    ):
        rows, columns = np.nonzero(picture[..., 0] > 200)
        if 25 < column < 375 and 25 < row < 275:
            assert abs(columns.mean() + 0.5 - at.x) <= one + 0.5
            assert abs(rows.mean() + 0.5 - at.y) <= one + 0.5


@pytest.mark.slow
def test_pictures_are_as_large_as_they_say_and_small(tmp_path: Path) -> None:
    """Two crops take less than 60 kB."""
    photo = Photo.of(skin(900, 700))
    size = write_strip(tmp_path / "a.jpg", [crop(photo, Point(300, 300))] * 2)
    assert size == Size(2 * CROP_SIDE + 8, CROP_SIDE)
    assert (tmp_path / "a.jpg").stat().st_size < 60_000
    assert write_overview(tmp_path / "b.jpg", photo).longest == 640


def test_a_few_photos_stay_open(tmp_path: Path) -> None:
    """The one used last is not opened again, one that is no photo is None."""
    paths = [save(skin(40, 30, seed=n), tmp_path / f"{n}.png") for n in range(3)]
    (tmp_path / "no.png").write_bytes(b"no photo")
    photos = OpenPhotos(most=2)
    first = photos.get(paths[0])
    photos.get(paths[1])
    assert photos.get(paths[0]) is first
    photos.get(paths[2])
    assert photos.get(paths[0]) is first
    assert photos.get(tmp_path / "no.png") is None
    photos.prefetch(*paths)


@pytest.fixture(params=["light", "dark"])
def browser_page(request: pytest.FixtureRequest, browser: "Browser") -> Iterator["Page"]:
    """A page of a real browser, in light or in dark."""
    page = browser.new_page(color_scheme=request.param, viewport={"width": 900, "height": 800})
    page.set_default_timeout(180_000)  # the machine may be busy
    yield page
    page.close()


@pytest.mark.slow
def test_a_browser_loads_what_is_in_view_and_hides_what_is_not_ticked(
    tmp_path: Path, browser_page: Any
) -> None:
    """Of 600 moles in 60 photos it loads a few pictures; nothing comes from elsewhere."""
    photo = Photo.of(skin(320, 240))
    sections = []
    for first in range(0, 600, 10):
        cards = [card(number, list(KINDS)[number % 3]) for number in range(first, first + 10)]
        sections.append(section(cards, f"photo {first}"))
        for each in cards:
            write_strip(tmp_path / f"{each.number}.jpg", [crop(photo, Point(100, 100))] * 2)
    write_overview(tmp_path / "whole.jpg", photo)
    page = write_review(tmp_path, "moles", sections, KINDS)
    asked, errors = [], []
    browser_page.on("request", lambda request: asked.append(request.url))
    browser_page.on("console", lambda message: errors.append(message.text))
    browser_page.goto(page.as_uri())
    # Not `networkidle`: with lazy pictures of files it may never come.
    browser_page.wait_for_function("document.images[0].complete && document.images[1].complete")
    assert all(url.startswith(tmp_path.as_uri()) for url in asked)
    assert 2 <= len(set(asked)) < 150
    assert not errors
    first = browser_page.locator(".card.kind-good").first
    first.scroll_into_view_if_needed()
    browser_page.locator("#show-good").scroll_into_view_if_needed()
    assert first.is_visible()
    browser_page.locator("#show-good").uncheck()
    assert not first.is_visible()
    assert browser_page.evaluate("document.documentElement.scrollWidth") <= 900
    browser_page.locator(".spot.kind-gone").first.click()
    assert browser_page.locator(".card:target").is_visible()
