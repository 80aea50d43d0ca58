"""Laws of the report of uncertain matches."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mel_debug.builtin.renderers.drawing import AMBER, GREEN
from tolerance import CONFIDENCE
from workbench import Scene, run

pytestmark = pytest.mark.usefixtures("only_builtins")

DOUBT, TRUST = ("--min-confidence", "1"), ("--min-confidence", "0")


def coloured(path: Path, colour: tuple[int, int, int]) -> np.ndarray:
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    near: np.ndarray = np.abs(pixels - colour).max(axis=-1) <= 40
    return near


def test_json_has_confidence_radius_and_calibrated(scene: Scene) -> None:
    """The five keys, and what they may be; the radius is that of a right place."""
    report = run(*scene.arguments("--json")).report
    assert 0 <= report["confidence"] <= 1
    assert report["absent"] is None or 0 <= report["absent"] <= 1 - report["confidence"]
    assert 0 < report["radius_px"] <= 0.008 * 256
    assert report["uncertain"] is (report["confidence"] < 0.5)
    assert report["calibrated"] is True


def test_a_missing_calibration_is_reported(scene: Scene) -> None:
    """In the JSON and in the line."""
    pooled = ("--similarity", "dot")
    assert run(*scene.arguments(*pooled, "--json")).report["calibrated"] in (True, False)
    report = run(*scene.arguments("--json")).report
    line = run(*scene.arguments()).stdout
    told = re.search(r"confidence (\d\.\d\d)", line)
    assert told, line
    assert float(told[1]) == pytest.approx(report["confidence"], abs=0.005 + CONFIDENCE)
    assert ("rule of thumb" in line) is not report["calibrated"]


def test_an_uncertain_match_is_drawn_in_amber_and_reported_first(scene: Scene) -> None:
    """A dashed cross in place of the green one."""
    doubted = run(*scene.arguments(*DOUBT, "--json")).report
    lines = run(*scene.arguments(*DOUBT)).stdout.splitlines()
    words = "probably not there" if (doubted["absent"] or 0) > 0.5 else "NOT SURE"
    assert words in lines[0]
    assert lines[1] == f"  {doubted['reason']}"
    assert not coloured(scene.output, GREEN).any()
    amber = coloured(scene.output, AMBER)
    assert amber.sum() > 40
    report = run(*scene.arguments("--json", *DOUBT)).report
    column, row = int(report["x"]), int(report["y"])
    assert not amber[row, column]  # the mole stays visible
    arm = amber[row, column : column + 21]
    assert 8 < arm.sum() < 15


def test_an_accepted_match_is_drawn_in_green(scene: Scene) -> None:
    assert "NOT SURE" not in run(*scene.arguments(*TRUST)).stdout
    assert coloured(scene.output, GREEN).any()
    assert not coloured(scene.output, AMBER).any()


@pytest.mark.parametrize("renderer", ["heatmap", "pair"])
def test_every_renderer_shows_uncertainty(scene: Scene, renderer: str) -> None:
    run(*scene.arguments(*DOUBT, "--renderer", renderer))
    assert coloured(scene.output, AMBER).sum() > 40


def test_strict_exits_with_3_if_uncertain_and_writes_the_picture(
    scene: Scene,
) -> None:
    """A script can distinguish doubt from failure."""
    outcome = run(*scene.arguments("--strict", *DOUBT))
    assert outcome.code == 3
    assert "Error" not in outcome.stderr
    assert scene.output.exists()
    assert run(*scene.arguments("--strict", *TRUST)).code == 0


def test_candidates_are_distinct_and_the_best_comes_first(scene: Scene) -> None:
    """As many as asked for, no two of them one place, falling scores."""
    report = run(*scene.arguments("--json", "--candidates", "5")).report
    found = report["candidates"]
    assert len(found) == 5
    assert (found[0]["x"], found[0]["y"], found[0]["score"]) == (
        report["x"],
        report["y"],
        report["score"],
    )
    scores = [each["score"] for each in found]
    assert scores == sorted(scores, reverse=True)
    places = np.array([(each["x"], each["y"]) for each in found])
    apart = np.hypot(*(places[:, None] - places[None]).T) + 1e9 * np.eye(5)
    assert apart.min() > 0.02 * 256


def test_candidates_are_listed_for_a_person_too(scene: Scene) -> None:
    """Below the line, one each; none unless asked for."""
    listed = run(*scene.arguments("--candidates", "3", *TRUST)).stdout.splitlines()
    assert [line[:5] for line in listed[2:]] == ["  1. ", "  2. ", "  3. "]
    assert len(run(*scene.arguments(*TRUST)).stdout.splitlines()) == 2
    assert "candidates" not in run(*scene.arguments("--json")).report


def test_confidence_out_of_range_is_a_usage_error(scene: Scene) -> None:
    outcome = run(*scene.arguments("--min-confidence", "1.5"))
    assert outcome.code == 2
    assert "--min-confidence" in outcome.error
