"""Laws of the options that make `dino3-map` more exact."""

import pytest

from workbench import Scene, run

pytestmark = pytest.mark.usefixtures("only_builtins")


def off_by(scene: Scene, *more: str) -> float:
    """How far from the truth the mole was found, in pixels."""
    report = run(*scene.arguments("--json", *more)).report
    x, y = scene.truth
    return float(((report["x"] - x - 0.5) ** 2 + (report["y"] - y - 0.5) ** 2) ** 0.5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        ("--preset", "fast"),
        ("--preset", "fast", "--views", "best"),
        ("--preset", "fast", "--window", "128", "--overlap", "0.5"),
        ("--preset", "fast", "--refine"),
        ("-o", "place", "peak", "-o", "interpolate", "yes"),
        ("--similarity", "softmax", "-o", "temperature", "0.05"),
    ],
    ids=" ".join,
)
def test_every_combination_of_options_finds_the_mole(scene: Scene, more: tuple[str, ...]) -> None:
    """Within a cell of XFeat, 8 px."""
    assert off_by(scene, *more) <= 8


def test_refinement_reports_its_moves(scene: Scene) -> None:
    """One to three passes, each with its distance; without --refine there is none."""
    report = run(*scene.arguments("--json", "--refine")).report
    assert 1 <= len(report["moves_px"]) <= 3
    assert run(*scene.arguments("--json")).report["moves_px"] == []


def test_the_cycle_error_in_the_same_photo_is_small(scene: Scene) -> None:
    """In the photo that marks it the mole is found, also pooled, and leads back to itself."""
    files = [str(scene.output), str(scene.source), scene.uuid, str(scene.source)]
    options = ["--extractor", "xfeat", "--image-size", "256", "--preset", "fast", "--pool", "3"]
    report = run("dino3-map", *files, *options, "--json").report
    x, y = scene.mark
    assert abs(report["x"] - x - 0.5) <= 8
    assert abs(report["y"] - y - 0.5) <= 8
    assert report["cycle_error_px"] <= 12


def test_windows_without_an_image_size_are_at_full_resolution(scene: Scene) -> None:
    """The scaled target is the target itself, down to whole patches."""
    files = [str(scene.output), str(scene.target), scene.uuid, str(scene.source)]
    options = ["--extractor", "xfeat", "--preset", "fast", "--window", "128", "--json"]
    report = run("dino3-map", *files, *options).report
    assert report["scaled_size"] == [256, 224]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--window", "100"), "--window 100 is not a multiple of the 8 px patch of xfeat"),
        (("--overlap", "0.5"), "--overlap belongs to windows"),
        (("--pool", "2"), "odd number of cells"),
        (("--similarity", "geometric", "--pool", "3"), "has an option 'pool'"),
        (("-o", "temperature", "1"), "has an option 'temperature'"),
        (("-o", "place", "moon"), "'place' is one of centre, peak"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_does_not_fit_is_a_usage_error(scene: Scene, more: tuple[str, ...], says: str) -> None:
    """One line that says what is wrong, exit code 2."""
    outcome = run(*scene.arguments(*more))
    assert outcome.code == 2
    assert says in outcome.error
