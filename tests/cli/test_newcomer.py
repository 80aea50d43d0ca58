"""The first hour of a person with photos of a phone and nothing else, in real processes."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from extras import needs_xfeat
from mel_debug.core.geometry import Point
from mel_debug.files.marks import read_moles
from mel_debug.synth import MolePosition, plan_sessions, render
from workbench import Outcome, oriented, run_python, stored

needs_heif = pytest.mark.skipif(
    find_spec("pillow_heif") is None, reason="the extra heif is not installed"
)
pytestmark = [pytest.mark.slow, needs_heif, needs_xfeat]

NEAR = 10
"""Pixels between a found place and the truth."""


def photos_of_a_phone(folder: Path) -> list[tuple[Path, dict[str, MolePosition]]]:
    """Four sessions of one back as HEIC, held in four ways; with the true places of all moles."""
    from pillow_heif import register_heif_opener

    register_heif_opener()
    (part,) = plan_sessions(
        11, photos=1, sessions=4, moles=8, megapixels=1.0, difficulty=0.2, absent=0.0
    )
    taken = []
    for session, (shot, orientation) in enumerate(zip(part.shots, (6, 8, 3, 1), strict=True)):
        photo = render(part.body, shot, session)
        path = folder / f"IMG_{session:04d}.HEIC"
        exif = oriented(orientation).tobytes()
        image = Image.fromarray(stored(photo.pixels, orientation))
        image.save(path, format="HEIF", quality=90, exif=exif)
        taken.append((path, {mole.uuid: mole for mole in photo.moles}))
    return taken


def mel_debug(*arguments: str) -> Outcome:
    outcome = run_python("-m", "mel_debug", *arguments, timeout=600)
    assert outcome.code == 0, outcome.stderr
    return outcome


def test_two_photos_of_a_phone_lead_to_the_next_session(tmp_path: Path) -> None:
    """Find, mark, search a third photo, review, and start the next session from there."""
    (first, before), (second, after), (third, later), (fourth, last) = photos_of_a_phone(tmp_path)
    mole = next(iter(before))
    x, y = int(before[mole].x), int(before[mole].y)

    found = mel_debug("find", str(first), str(second), "--at", f"{x},{y}")
    assert found.stderr.startswith("Using xfeat: the weights of DINOv3 are not on this machine")
    assert found.stdout.startswith("Found, ")
    place = re.search(r" at (\d+),(\d+)", found.stdout)
    assert place, found.stdout
    assert abs(int(place[1]) - after[mole].x) < NEAR
    assert abs(int(place[2]) - after[mole].y) < NEAR
    assert second.with_name("IMG_0001.found.jpg").exists()

    uuid = mel_debug("mark", str(first), "--at", f"{x},{y}").stdout.strip()
    mel_debug("mark", str(second), "--at", f"{place[1]},{place[2]}", "--uuid", uuid)
    reference = ("--reference", str(first), str(second), "--extractor", "auto")
    marked = mel_debug("automark3", *reference, "--target", str(third), "--csv")
    assert marked.stdout.splitlines()[1].startswith(f"{third},{uuid},added,")
    (guess,) = read_moles(third)
    assert not guess.is_canonical
    assert guess.point.distance_to(_point(later[mole])) < NEAR

    review = mel_debug("review", str(tmp_path), "--accept-above", "0.5", "--json")
    assert [photo["accepted"] for photo in json.loads(review.stdout)["photos"]] == [[uuid]]
    assert read_moles(third)[0].is_canonical

    mel_debug("automark3", "--reference", str(third), "--target", str(fourth), *reference[-2:])
    (guess,) = read_moles(fourth)
    assert guess.uuid == uuid
    assert guess.point.distance_to(_point(last[mole])) < NEAR
    commands = [run["command"] for run in json.loads(mel_debug("runs", "--json").stdout)]
    assert commands == ["automark3", "review", "automark3", "mark", "mark"]


def _point(mole: MolePosition) -> Point:
    return Point(mole.x, mole.y)
