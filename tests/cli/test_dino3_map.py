"""Laws of `mel-debug dino3-map`."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mel_debug.files.photos import mask_path
from tolerance import PLACE_PX, SCORE_SHARE, assert_same_results
from workbench import (
    MOLE,
    OTHER_MOLE,
    Outcome,
    Scene,
    make_scene,
    mark,
    oriented,
    run,
    run_python,
    save,
    stored,
)

pytestmark = pytest.mark.usefixtures("only_builtins")

CELL = 8
"""Photo pixels a cell of XFeat at the scene's own size."""

FOUNDATION_KEYS = {
    "uuid", "target", "sources", "x", "y", "score", "similarity_min", "similarity_max",
    "extractor", "matcher", "image_size", "scaled_size", "output",
}  # fmt: skip
LATER_KEYS = {
    "confidence", "absent", "radius_px", "uncertain", "calibrated", "preset", "cycle_error_px",
    "moves_px", "support", "notes", "reason", "spot_at_mark", "spot_at_match", "refined_score",
    "method", "details",
}  # fmt: skip


def picture(path: Path) -> np.ndarray:
    """The pixels of a picture that was written."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def assert_found(outcome: Outcome, scene: Scene) -> None:
    """The mole was found within a cell of where it is."""
    report = outcome.report
    assert abs(report["x"] - scene.truth[0] - 0.5) <= CELL
    assert abs(report["y"] - scene.truth[1] - 0.5) <= CELL


def assert_cross(drawn: NDArray[np.int_], x: int, y: int, *, most: int) -> None:
    """Green arms are around a place of an RGB picture, up to `most` grey levels; it stays free."""
    off = np.abs(drawn - (0, 255, 0)).max(axis=-1)
    assert off[y, x] > 100
    arms = [off[max(0, y - 12), x], off[y + 12, x], off[y, max(0, x - 12)], off[y, x + 12]]
    assert sorted(arms)[1] <= most  # two may be cut off by the border


def test_the_mole_is_found_in_the_other_photo(scene: Scene) -> None:
    """The report has its place, and the picture a cross on it."""
    outcome = run(*scene.arguments("--min-confidence", "0", "--json"))
    assert_found(outcome, scene)
    report = outcome.report
    drawn = picture(scene.output).astype(int)
    assert drawn.shape[:2] == tuple(report["scaled_size"][::-1])
    assert_cross(drawn, int(report["x"]), int(report["y"]), most=40)


def test_json_is_one_object_with_every_key(scene: Scene) -> None:
    """On a line of its own on standard output; what a person should see goes elsewhere."""
    outcome = run(*scene.arguments("--json"))
    assert outcome.stdout.count("\n") == 1
    report = outcome.report
    assert set(report) == FOUNDATION_KEYS | LATER_KEYS
    assert report["uuid"] == MOLE
    assert report["target"] == str(scene.target)
    assert report["sources"] == [str(scene.source)]
    assert report["output"] == str(scene.output)
    assert (report["extractor"], report["matcher"]) == ("xfeat", "cosine")
    assert report["image_size"] == 256
    assert report["scaled_size"] == [256, 224]
    assert -1 <= report["similarity_min"] < report["similarity_max"] <= 1.0001
    assert report["score"] == report["similarity_max"]


def test_a_person_gets_the_answer_on_one_line_and_the_picture_on_another(scene: Scene) -> None:
    """The same numbers as the JSON has; scores only with --verbose."""
    report = run(*scene.arguments("--json")).report
    outcome = run(*scene.arguments("--min-confidence", "0"))
    assert outcome.code == 0
    line, picture = outcome.stdout.splitlines()
    assert picture == f"picture: {scene.output}"
    told = re.fullmatch(
        rf"{MOLE[:6]}  (.*)  \((\d+), (\d+)\)   confidence (\d\.\d\d)   ±\d+ px if right", line
    )
    assert told, line
    assert told[1] == scene.target.name
    place = (float(told[2]), float(told[3]))
    assert place == pytest.approx((report["x"], report["y"]), abs=PLACE_PX + 0.5)
    assert "score" not in outcome.stdout
    verbose = run(*scene.arguments("--verbose")).stdout
    score = re.search(r"cosine score (\S+) ", verbose)
    assert score, verbose
    assert float(score[1]) == pytest.approx(report["score"], abs=2 * SCORE_SHARE)


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
def test_every_similarity_finds_the_mole(scene: Scene, metric: str) -> None:
    """They differ in their scores, and the report names the one that was used."""
    outcome = run(*scene.arguments("--similarity", metric, "--json"))
    assert_found(outcome, scene)
    assert outcome.report["matcher"] == metric


@pytest.mark.parametrize("length", [6, 20, 32])
def test_a_unique_start_of_the_uuid_is_enough(scene: Scene, length: int) -> None:
    """The report has it in full."""
    mark(scene.source, (OTHER_MOLE, 20, 20), (MOLE, *scene.mark))
    shortened = dataclasses.replace(scene, uuid=MOLE[:length])
    outcome = run(*shortened.arguments("--json"))
    assert_found(outcome, scene)
    assert outcome.report["uuid"] == MOLE


def test_an_output_png_is_a_png(scene: Scene) -> None:
    """The suffix decides, and nothing is lost to compression."""
    scene = dataclasses.replace(scene, output=scene.output.with_suffix(".png"))
    report = run(*scene.arguments("--min-confidence", "0", "--json")).report
    with Image.open(scene.output) as image:
        assert image.format == "PNG"
    assert_cross(picture(scene.output).astype(int), int(report["x"]), int(report["y"]), most=0)


@pytest.mark.slow
def test_the_pair_renderer_shows_both_photos(scene: Scene) -> None:
    """Side by side, so at least as wide as both."""
    assert run(*scene.arguments("--renderer", "pair")).code == 0
    assert picture(scene.output).shape[1] > 2 * 256


def test_an_existing_output_is_replaced_if_forced(scene: Scene) -> None:
    """By the new picture, whole."""
    scene.output.write_text("old")
    assert run(*scene.arguments("--force")).code == 0
    assert picture(scene.output).shape == (224, 256, 3)
    assert sorted(scene.output.parent.glob(".*")) == []


def test_several_sources_search_together(scene: Scene) -> None:
    """All of them are named in the report."""
    second = save(picture(scene.source)[:, 8:], scene.source.with_name("second.png"))
    mark(second, (MOLE, scene.mark[0] - 8, scene.mark[1]))
    outcome = run(*scene.arguments(str(second), "--json"))
    assert_found(outcome, scene)
    assert outcome.report["sources"] == [str(scene.source), str(second)]


def test_a_photo_may_be_source_and_target(scene: Scene) -> None:
    """The mole is found where it is marked."""
    itself = dataclasses.replace(scene, target=scene.source, truth=scene.mark)
    outcome = run(*itself.arguments("--json"))
    assert_found(outcome, itself)
    assert outcome.report["score"] == pytest.approx(1, abs=1e-3)


@pytest.fixture(scope="module")
def upright(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of the scene as it is stored upright."""
    scene = make_scene(tmp_path_factory.mktemp("upright"))
    return run(*scene.arguments("--json")).report


@pytest.mark.slow
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_gives_the_same_place_on_the_shown_photo(
    scene: Scene, upright: dict[str, Any], orientation: int
) -> None:
    """However the camera was held for either photo."""
    turned = dataclasses.replace(
        scene, source=scene.source.with_suffix(".jpg"), target=scene.target.with_suffix(".jpg")
    )
    for shown, path, how in (
        (scene.source, turned.source, orientation),
        (scene.target, turned.target, 9 - orientation),
    ):
        save(stored(picture(shown), how), path, exif=oriented(how), quality=100)
    mark(turned.source, (MOLE, *scene.mark))
    report = run(*turned.arguments("--json")).report
    for key in ("x", "y", "scaled_size"):
        assert_same_results({key: report[key]}, {key: upright[key]})


@pytest.mark.slow
def test_the_answer_is_inside_the_mask_unless_masks_are_ignored(scene: Scene) -> None:
    """Hiding the mole in the target leaves the second best; --no-mask brings it back."""
    mask = np.full((224, 256), 255, dtype=np.uint8)
    x, y = scene.truth
    mask[y - 24 : y + 24, x - 24 : x + 24] = 0
    save(mask, mask_path(scene.target))
    report = run(*scene.arguments("--json")).report
    assert mask[int(report["y"]), int(report["x"])] == 255
    assert_found(run(*scene.arguments("--no-mask", "--json")), scene)


@pytest.mark.slow
def test_options_can_be_set_in_the_environment(scene: Scene) -> None:
    """And the command line overrules them."""
    environment = {
        "MEL_DEBUG_DINO3_MAP_IMAGE_SIZE": "128",
        "MEL_DEBUG_DINO3_MAP_EXTRACTOR": "xfeat",
        "MEL_DEBUG_DINO3_MAP_PRESET": "fast",
    }
    files = [str(scene.output), str(scene.target), MOLE, str(scene.source)]
    report = run("dino3-map", *files, "--json", env=environment).report
    assert (report["image_size"], report["extractor"]) == (128, "xfeat")
    report = run("dino3-map", *files, "--image-size", "64", "--json", env=environment).report
    assert report["image_size"] == 64


@pytest.mark.slow
def test_a_real_process_finds_the_mole(scene: Scene) -> None:
    """`python -m mel_debug` from start to end, with nothing of this test in it."""
    outcome = run_python("-m", "mel_debug", *scene.arguments("--json"))
    assert_found(outcome, scene)
    assert outcome.stderr.startswith("Looking for ")
    assert "warning" not in outcome.stderr.lower()


@pytest.mark.slow
def test_numbers_in_the_report_are_numbers(scene: Scene) -> None:
    """Strict JSON, with no NaN or infinity in it."""
    outcome = run(*scene.arguments("--json"))

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(outcome.stdout, parse_constant=refuse)
