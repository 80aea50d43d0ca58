"""Laws of warnings on the command line: one line each, once, and the answer is given."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from extras import needs_xfeat
from mel_debug.core.limits import MAX_PIXELS
from workbench import Scene, run, run_python, save, skin

pytestmark = needs_xfeat


def cut_short(path: Path, seed: int) -> Path:
    """A JPEG without its last bytes."""
    save(skin(160, 120, seed), path)
    path.write_bytes(path.read_bytes()[:-2])
    return path


def lines_about(path: Path, stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if path.name in line]


def test_a_target_that_is_cut_short_is_searched_with_a_warning(scene: Scene) -> None:
    """However often the photo is opened, the line comes once."""
    data = Image.open(scene.target)
    target = scene.target.with_suffix(".jpg")
    data.convert("RGB").save(target, quality=95)
    target.write_bytes(target.read_bytes()[:-2])
    arguments = scene.arguments("--json")
    arguments[2] = str(target)
    outcome = run(*arguments, "--no-cache")
    assert outcome.report["target"] == str(target)
    (line,) = lines_about(target, outcome.stderr)
    assert line.startswith(f"warning: {target} is cut short")


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_warnings_of_worker_processes_are_printed_once(tmp_path: Path, jobs: int) -> None:
    """They come back with what the worker did."""
    paths = [cut_short(tmp_path / f"{number}.jpg", number) for number in range(3)]
    stages = ["--extractor", "xfeat", "--image-size", "64", "--cache-dir", str(tmp_path / "cache")]
    outcome = run_python("-m", "mel_debug", "precalc", str(tmp_path), *stages, "--jobs", str(jobs))
    assert outcome.code == 0, outcome.stderr
    for path in paths:
        (line,) = lines_about(path, outcome.stderr)
        assert f"warning: {path} is cut short" in line


def test_names_in_warnings_can_do_nothing_to_a_terminal(tmp_path: Path) -> None:
    """A file may be called anything."""
    save(skin(64, 48), tmp_path / "1.jpg")
    (tmp_path / "a\x1b[2J\n.dng").touch()
    stages = ["--extractor", "xfeat", "--image-size", "64", "--cache-dir", str(tmp_path / "cache")]
    outcome = run("precalc", str(tmp_path), *stages)
    assert outcome.code == 0, outcome.stderr
    (line,) = [each for each in outcome.stderr.splitlines() if "raw photos" in each]
    assert "\\x1b[2J" in line


def test_an_image_size_beyond_memory_is_refused_with_what_it_would_take(scene: Scene) -> None:
    """Before anything is decoded or built."""
    arguments = scene.arguments()
    arguments[arguments.index("--image-size") + 1] = "100000"
    error = run(*arguments).error
    assert "at least" in error
    assert "GB of memory" in error
    assert "--image-size" in error


def test_a_limit_that_is_no_number_is_one_line(scene: Scene) -> None:
    """The command was set up wrongly: exit code 2."""
    outcome = run(*scene.arguments(), env={MAX_PIXELS: "many"})
    assert outcome.code == 2
    assert MAX_PIXELS in outcome.error


def test_a_mask_that_is_all_ones_is_one_line(scene: Scene) -> None:
    """It would hide everything, and the line says how to save it."""
    save(np.ones((224, 256), dtype=np.uint8), Path(f"{scene.target}.mask.png"))
    assert "would hide the whole photo" in run(*scene.arguments()).error
