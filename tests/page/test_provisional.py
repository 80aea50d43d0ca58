"""Laws of answers while photos are being matched: soon, near the final ones, never stored."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from asgi import ask
from extras import needs_xfeat
from mel_debug.api import FoundMole
from mel_debug.cache.store import FileStore, Kind
from mel_debug.core.geometry import Point
from mel_debug.marking.runs import Run
from mel_debug.page.album import Album
from mel_debug.page.finding import PageFinder, run_of
from mel_debug.page.marking import Marking
from mel_debug.page.routes import Routes
from mel_debug.page.worker import Worker
from workbench import skin

pytestmark = [pytest.mark.slow, needs_xfeat]

MOLE, SHIFT = Point(150, 120), (20, 10)

NEAR_PX = 2.0
"""Largest distance of a provisional place from the final one: both are aligned by pixels."""


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Two photos of one generated skin, the second shifted by `SHIFT`."""
    whole = skin(460, 380)
    paths = [tmp_path / "before.png", tmp_path / "after.png"]
    Image.fromarray(whole[20:340, 30:430]).save(paths[0])
    Image.fromarray(whole[10:330, 10:410]).save(paths[1])
    return paths


@pytest.fixture
def finder(photos: list[Path], tmp_path: Path) -> PageFinder:
    settings = {"extractor": "xfeat", "image_size": 320, "cache_dir": tmp_path / "cache"}
    return PageFinder(run_of(settings), Album(photos))


def test_places_found_meanwhile_are_near_the_final_ones(finder: PageFinder, tmp_path: Path) -> None:
    """They change nothing: the final place is the same as without, and only it is stored."""
    found: list[FoundMole] = []
    stored: list[int] = []

    def pairs() -> int:
        entries = FileStore(tmp_path / "cache", 10**9).entries()
        return sum(entry.kind == Kind.PAIR for entry in entries)

    def search() -> None:
        assert finder.is_matching(0, 1)
        finder.prepare(0, 1, lambda: pytest.fail("matched inside its own matching"))
        found.append(finder.find(0, MOLE, 1, "mole"))
        stored.append(pairs())

    assert finder.sampled_map(0, 1, search) is not None
    assert not finder.is_matching(0, 1)
    final = finder.find(0, MOLE, 1, "mole")
    assert len(found) >= 2
    assert set(stored) == {0}
    assert pairs() == 1
    assert (final.x, final.y) == pytest.approx((MOLE.x + SHIFT[0], MOLE.y + SHIFT[1]), abs=2)
    for each in found:
        assert np.hypot(each.x - final.x, each.y - final.y) < NEAR_PX
    settings = {"extractor": "xfeat", "image_size": 320, "cache": False}
    alone = PageFinder(run_of(settings), finder.album).find(0, MOLE, 1, "mole")
    assert (alone.x, alone.y) == pytest.approx((final.x, final.y), abs=0.1)


def test_a_search_at_once_is_answered_before_the_photos_are_matched(finder: PageFinder) -> None:
    """Then again, finally; later ones are final at once."""
    marking = Marking(finder.album, Run("explore"), True)
    app = Routes(finder.album, finder, Worker(), marking, {}).app()

    def asked(**more: Any) -> dict[str, Any]:
        body = {"source": 0, "target": 1, "x": MOLE.x, "y": MOLE.y, "uuid": None, **more}
        answer = ask(app, "/api/find", method="POST", body=json.dumps(body).encode())
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json
        return found

    first, final, again = asked(), asked(final=True), asked()
    assert first["provisional"]
    assert not final["provisional"]
    assert np.hypot(first["x"] - final["x"], first["y"] - final["y"]) < NEAR_PX
    assert {**again, "uuid": ""} == {**final, "uuid": ""}
