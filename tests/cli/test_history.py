"""Laws of `mel-debug history`, run as a command on painted skin."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mel_debug.files.marker import is_drawn, is_own_page
from painted import (
    CORNERS,
    GONE,
    GROWN,
    PLACES,
    STAGES,
    STILL,
    painted_repository,
    painted_uuid,
    unmark,
)
from workbench import Outcome, run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("only_builtins")]

FIRST, SECOND, THIRD = CORNERS


def history(number: int, *more: str) -> Outcome:
    return run("history", painted_uuid(number), *more, *STAGES)


def test_a_mole_is_followed_through_all_sessions(tmp_path: Path) -> None:
    """In the order of dates; it is found where it is not marked, and its growth is measured."""
    photos = painted_repository(tmp_path)
    unmark(photos[THIRD])
    strip, page = tmp_path / "strip.png", tmp_path / "page.html"
    outcome = history(GROWN, str(tmp_path), "--json", "--strip", str(strip), "--page", str(page))
    assert outcome.code == 0, outcome.stderr
    found = json.loads(outcome.stdout)
    assert [each["date"].replace("-", "_") for each in found["photos"]] == [*CORNERS]
    assert {each["dated_by"] for each in found["photos"]} == {"folder"}
    assert [each["status"] for each in found["photos"]] == ["marked", "marked", "found"]
    for each in found["photos"][1:]:
        ratio = each["ratios"]["diameter"]
        assert ratio["low"] <= 1.3 <= ratio["high"]
        assert ratio["low"] > 1
        assert np.allclose(each["local_map"], np.eye(2), atol=0.02)
    assert is_drawn(strip)
    assert is_own_page(page)


def test_the_place_of_a_mole_that_is_gone_is_shown(tmp_path: Path) -> None:
    """Labelled as such, where the map leads."""
    photos = painted_repository(tmp_path)
    outcome = history(GONE, str(photos[FIRST]), str(photos[SECOND]), "--json")
    assert outcome.code == 0, outcome.stderr
    first, second = json.loads(outcome.stdout)["photos"]
    assert second["status"] == "not found"
    assert second["left_out"] == "not found"
    left, top = CORNERS[SECOND]
    assert np.hypot(first["x"] - left - second["x"], first["y"] - top - second["y"]) < 6
    text = history(GONE, str(photos[FIRST]), str(photos[SECOND])).stdout
    assert "this is where it should be" in text


def test_a_mole_outside_the_photo_is_said_to_be(tmp_path: Path) -> None:
    """Not "this is where it should be": there is nothing to show."""
    photos = painted_repository(tmp_path)
    unmark(photos[SECOND])
    right = max((n for n in range(6, 12)), key=lambda n: PLACES[n].x)
    Image.open(photos[SECOND]).crop((0, 0, 440, 560)).save(photos[SECOND])
    found = history(right, str(photos[FIRST]), str(photos[SECOND]))
    assert found.code == 0, found.stderr
    assert "not found: its place is outside the photo" in found.stdout
    assert "should be" not in found.stdout


def test_the_strip_of_a_photo_with_itself_changes_nothing(tmp_path: Path) -> None:
    """Both crops are equal, and every ratio is 1."""
    photo = painted_repository(tmp_path)[FIRST]
    (tmp_path / "2025_01_01").mkdir()
    copy = tmp_path / "2025_01_01" / "0.png"
    copy.write_bytes(photo.read_bytes())
    strip = tmp_path / "strip.png"
    outcome = history(STILL, str(photo), str(copy), "--csv", "--strip", str(strip))
    # Outside the repository, only photos that mark the mole belong to its body part.
    assert outcome.code == 0, outcome.stderr
    Path(f"{copy}.json").write_bytes(Path(f"{photo}.json").read_bytes())
    outcome = history(STILL, str(photo), str(copy), "--csv", "--strip", str(strip))
    assert outcome.code == 0, outcome.stderr
    first, second = csv.DictReader(io.StringIO(outcome.stdout))
    assert first["diameter"] == ""
    for name in ("diameter", "elongation", "colour", "border"):
        assert float(second[name]) == pytest.approx(1.0, abs=0.01)
    pixels = np.asarray(Image.open(strip)).astype(int)
    one, two = pixels[8:248, 8:248], pixels[8:248, 256:496]
    mole = np.s_[90:150, 90:150]  # the rest is skin, which looks alike everywhere
    assert one[mole].std() > 10
    assert np.abs(one - two)[mole].mean() < 1.5


def test_raw_leaves_the_light_as_it_is(tmp_path: Path) -> None:
    """Without it a darker photo is shown in the light of the first."""
    photos = painted_repository(tmp_path)
    dark = (np.asarray(Image.open(photos[SECOND])) * 0.6).astype(np.uint8)
    Image.fromarray(dark).save(photos[SECOND])
    means = []
    for more in ((), ("--raw",)):
        strip = tmp_path / "strip.png"
        places = str(photos[FIRST]), str(photos[SECOND])
        assert history(STILL, *places, "--strip", str(strip), *more).code == 0
        pixels = np.asarray(Image.open(strip)).astype(float)
        means.append(pixels[8:248, 256:496].mean() / pixels[8:248, 8:248].mean())
    assert means[0] == pytest.approx(1.0, abs=0.03)
    assert means[1] == pytest.approx(0.6, abs=0.05)


@pytest.mark.parametrize(
    ("content", "problem"),
    [("{}", "must contain a list"), ("twice", "2 marks of mole"), (None, "not a photo")],
    ids=["no marks file", "a mole marked twice", "no photo"],
)
def test_one_bad_photo_does_not_hide_the_others(
    tmp_path: Path, content: str | None, problem: str
) -> None:
    """It is named once, with the reason, and the exit code is 1."""
    photos = painted_repository(tmp_path)
    if content is None:
        photos[THIRD].write_bytes(b"no photo")
    else:
        entry = {"uuid": painted_uuid(STILL), "x": 9, "y": 9, "is_uuid_canonical": True}
        text = json.dumps([entry, entry]) if content == "twice" else content
        Path(f"{photos[THIRD]}.json").write_text(text)
    outcome = history(STILL, str(tmp_path), "--json")
    assert outcome.code == 1
    assert len(json.loads(outcome.stdout)["photos"]) == len(photos)
    (line,) = [line for line in outcome.stderr.splitlines() if problem in line]
    assert line.count(str(photos[THIRD])) == 1


def test_errors_name_the_mole_or_the_photo(tmp_path: Path) -> None:
    """A mole that no photo marks, and a photo that can't be read beside one that can."""
    photos = painted_repository(tmp_path)
    outcome = run("history", "abcdef", str(tmp_path), *STAGES)
    assert outcome.code == 1
    assert "abcdef" in outcome.stderr
    photos[THIRD].write_bytes(b"no photo")
    outcome = history(STILL, str(photos[FIRST]), str(photos[SECOND]), "--csv", "--json")
    assert outcome.code == 2
