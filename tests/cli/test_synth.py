"""Laws of `mel-debug synth`."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mel_debug.files.marks import ABSENT, read_moles
from mel_debug.files.photos import mask_path, read_photo
from workbench import run

pytestmark = pytest.mark.usefixtures("only_builtins")

SMALL = ("--megapixels", "0.12", "--photos", "1", "--moles", "5", "--absent", "0.2")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
def test_a_repository_is_laid_out_as_mel_keeps_it(tmp_path: Path) -> None:
    """A photo a session, each with its mask, its moles, and those known to be absent."""
    outcome = run("synth", str(tmp_path / "new"), *SMALL, "--sessions", "3")
    assert outcome.code == 0, outcome.stderr
    assert "mel-debug evaluate" in outcome.stdout
    parts = tmp_path / "new" / "rotomaps" / "parts"
    assert (tmp_path / "new" / "melroot").read_bytes() == b""
    photos = sorted(parts.glob("*/*/*/0.jpg"))
    assert len(photos) == 3
    assert len({photo.parent.parent for photo in photos}) == 1
    for path in photos:
        photo = read_photo(path)
        assert photo.pixels.shape == (photo.size.height, photo.size.width, 3)
        assert photo.mask is not None
        here, gone = read_moles(path), read_moles(path, ABSENT)
        assert {mole.uuid for mole in here}.isdisjoint(mole.uuid for mole in gone)
        for mole in here:
            assert photo.mask[int(mole.point.y), int(mole.point.x)]
    uuids = [{mole.uuid for mole in read_moles(path)} for path in photos]
    assert uuids[0] & uuids[2]
    assert any(read_moles(path, ABSENT) for path in photos)


@pytest.mark.slow
def test_the_same_seed_makes_the_same_bytes(tmp_path: Path) -> None:
    """So a second run into the same folder changes nothing."""
    for name in ("one", "other", "one"):
        assert run("synth", str(tmp_path / name), *SMALL).code == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


@pytest.mark.slow
def test_another_person_does_not_replace_the_first(tmp_path: Path) -> None:
    """The files in the folder are unchanged."""
    run("synth", str(tmp_path), *SMALL)
    before = contents(tmp_path)
    outcome = run("synth", str(tmp_path), *SMALL, "--seed", "8")
    assert outcome.code == 2
    assert "choose a new folder" in outcome.stderr.splitlines()[-1]
    assert contents(tmp_path) == before


@pytest.mark.slow
def test_more_megapixels_are_more_pixels(tmp_path: Path) -> None:
    """Of each photo, to a hundredth."""
    run("synth", str(tmp_path), *SMALL, "--sessions", "1", "--megapixels", "0.2")
    (path,) = tmp_path.rglob("0.jpg")
    with Image.open(path) as image:
        assert np.prod(image.size) == pytest.approx(200_000, rel=0.01)


def test_a_body_without_room_is_an_error_with_advice(tmp_path: Path) -> None:
    outcome = run("synth", str(tmp_path), *SMALL, "--moles", "3000")
    assert "fewer moles" in outcome.error


@pytest.mark.parametrize("option", ["photos", "sessions", "megapixels", "difficulty", "absent"])
def test_an_option_out_of_range_is_a_usage_error(tmp_path: Path, option: str) -> None:
    outcome = run("synth", str(tmp_path), f"--{option}", "-1")
    assert outcome.code == 2
    assert option in outcome.error


@pytest.mark.slow
def test_hard_photos_keep_the_layout_and_differ(tmp_path: Path) -> None:
    """With `--hard` and `--case` the same files have other pictures, every mark inside them."""
    run("synth", str(tmp_path / "plain"), *SMALL)
    outcome = run("synth", str(tmp_path / "hard"), *SMALL, "--hard", "--case", "closeup4")
    assert outcome.code == 0, outcome.stderr
    plain, hard = contents(tmp_path / "plain"), contents(tmp_path / "hard")
    assert plain.keys() == hard.keys()
    assert all(plain[name] != hard[name] for name in plain if name.endswith("0.jpg"))
    for path in (tmp_path / "hard").rglob("0.jpg"):
        size = read_photo(path).size
        for mole in read_moles(path) + read_moles(path, ABSENT):
            assert 0 < mole.point.x < size.width
            assert 0 < mole.point.y < size.height


def test_an_unknown_case_is_a_usage_error(tmp_path: Path) -> None:
    """The message lists the cases there are."""
    outcome = run("synth", str(tmp_path), *SMALL, "--case", "fog")
    assert outcome.code == 2
    assert "closeup16" in outcome.error


def test_marks_are_what_other_commands_read(tmp_path: Path) -> None:
    run("synth", str(tmp_path), *SMALL, "--sessions", "1")
    (path,) = tmp_path.rglob("0.jpg")
    rows = json.loads(run("moles", str(path), "--json").stdout)
    assert {row["uuid"] for row in rows} == {mole.uuid for mole in read_moles(path)}
    assert mask_path(path).exists()
