"""The first hour of a person with photos of a phone and nothing else, in real processes."""

import json
import re
from pathlib import Path

import pytest

from extras import needs_xfeat
from mel_debug.core.geometry import Point
from mel_debug.files.marks import read_moles
from mel_debug.synth import MolePosition
from phones import needs_heif, photos_of_a_phone
from workbench import Outcome, run_python

pytestmark = [pytest.mark.slow, needs_heif, needs_xfeat]

NEAR = 10
"""Pixels between a found place and the truth."""


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
