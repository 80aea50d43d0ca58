"""Laws of `mel-debug precalc`."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from children import default_signals
from mel_debug.cache import location
from mel_debug.files.photos import mask_path
from workbench import (
    Dinov3Weights,
    Outcome,
    Scene,
    run,
    run_and_see_imports,
    save,
    settings,
    skin,
)

pytestmark = pytest.mark.usefixtures("only_builtins")

XFEAT = ["--extractor", "xfeat", "--image-size", "256"]


def photos_in_cache() -> int:
    count = json.loads(run("cache", "info", "--json").stdout)["photos"]
    assert isinstance(count, int)
    return count


def counts(outcome: Outcome) -> tuple[int, int]:
    """The numbers of photos extracted and already cached."""
    found = re.search(r"(\d+) extracted.*, (\d+) already cached", outcome.stdout)
    assert found, outcome
    return int(found[1]), int(found[2])


def repository(folder: Path, count: int) -> Path:
    """A mel repository with photos of two shapes, some of them masked."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "melroot").touch()
    day = folder / "rotomaps" / "parts" / "Trunk" / "Back" / "2025_06_10"
    day.mkdir(parents=True)
    for number in range(count):
        width, height = ((128, 96), (96, 128))[number % 2]
        path = save(skin(width, height, seed=number), day / f"{number}.jpg")
        if number % 3 == 0:
            save(np.full((height, width), 255, dtype=np.uint8), mask_path(path))
    return folder


@pytest.mark.slow
def test_a_search_after_precalc_uses_the_cache(scene: Scene, tmp_path: Path) -> None:
    """Both photos are cached, and torch is not imported."""
    outcome = run("precalc", str(scene.source), str(scene.target), "--extractor", "xfeat")
    assert outcome.code == 0
    assert counts(outcome) == (2, 0)
    assert "photos/s" in outcome.stdout
    arguments = [str(scene.output), str(scene.target), scene.uuid, str(scene.source)]
    stages = ["--extractor", "xfeat", "--preset", "fast"]
    found, loaded = run_and_see_imports(tmp_path / "note", "dino3-map", *arguments, *stages)
    assert found.code == 0
    assert loaded <= {"numpy"}


@pytest.mark.slow
def test_a_second_run_extracts_nothing_and_imports_no_torch(tmp_path: Path) -> None:
    """It only reads the content of each photo."""
    root = str(repository(tmp_path / "repository", 5))
    assert counts(run("precalc", root, *XFEAT)) == (5, 0)
    again, loaded = run_and_see_imports(tmp_path / "note", "precalc", root, *XFEAT)
    assert counts(again) == (0, 5)
    assert "torch" not in loaded


@pytest.mark.slow
def test_only_missing_photos_are_extracted(tmp_path: Path) -> None:
    """A new photo, a changed photo, a changed mask."""
    root = repository(tmp_path / "repository", 6)
    run("precalc", str(root), *XFEAT)
    day = next(root.rglob("0.jpg")).parent
    save(skin(128, 96, seed=50), day / "new.jpg")
    save(skin(128, 96, seed=51), day / "2.jpg")
    half = np.zeros((128, 96), dtype=np.uint8)
    half[:64] = 255
    save(half, mask_path(day / "3.jpg"))
    assert counts(run("precalc", str(root), *XFEAT)) == (3, 4)


@pytest.mark.slow
def test_masks_and_options_are_part_of_the_key(tmp_path: Path) -> None:
    """As in a search."""
    root = repository(tmp_path / "repository", 3)
    run("precalc", str(root), *XFEAT)
    assert counts(run("precalc", str(root), *XFEAT, "--no-mask")) == (1, 2)
    assert counts(run("precalc", str(root), *XFEAT, "--window", "64")) == (3, 0)
    assert counts(run("precalc", str(root), "--extractor", "xfeat", "--image-size", "128")) == (
        3,
        0,
    )


@pytest.mark.slow
def test_bad_photos_are_reported_at_the_end(tmp_path: Path) -> None:
    """By name, with exit code 1; the others are extracted."""
    root = repository(tmp_path / "repository", 3)
    day = next(root.rglob("0.jpg")).parent
    (day / "broken.jpg").write_text("no photo")
    whole = (day / "1.jpg").read_bytes()
    (day / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    outcome = run("precalc", str(root), *XFEAT)
    assert outcome.code == 1
    assert counts(outcome) == (3, 0)
    *_, first, second, last = outcome.stderr.splitlines()
    assert "broken.jpg" in first
    assert "cut.jpg" in second
    assert last == "Error: 2 of 5 photos could not be used; all others are done"
    assert photos_in_cache() == 3


@pytest.mark.slow
@pytest.mark.parametrize(("size", "warns"), [("10GB", False), ("250kB", True), ("1kB", True)])
def test_a_cache_too_small_for_the_photos_causes_one_warning(
    *, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: str, warns: bool
) -> None:
    """Otherwise a long run could silently remove its first photos for its last ones."""
    monkeypatch.setattr(location, "MANY_PHOTOS", 5)
    monkeypatch.setenv("MEL_DEBUG_CACHE_SIZE", size)
    outcome = run("precalc", str(repository(tmp_path / "repository", 5)), *XFEAT)
    assert outcome.code == 0
    told = [line for line in outcome.stderr.splitlines() if line.startswith("warning: ")]
    assert len(told) == warns
    assert all("5 photos" in line and "set MEL_DEBUG_CACHE_SIZE" in line for line in told)


@pytest.mark.slow
def test_features_depend_on_the_content_of_a_checkpoint(
    tmp_path: Path, dinov3_small: Dinov3Weights
) -> None:
    """A copy of the weights has the same features; other weights have others."""
    photo = str(save(skin(128, 96), tmp_path / "photo.jpg"))
    common = ["precalc", photo, "--dino-size", "small", "--image-size", "64", "--weights"]
    assert counts(run(*common, str(dinov3_small.safetensors))) == (1, 0)
    copy = tmp_path / "copy.safetensors"
    shutil.copy(dinov3_small.safetensors, copy)
    again, loaded = run_and_see_imports(tmp_path / "note", *common, str(copy))
    assert counts(again) == (0, 1)
    assert not loaded & {"torch", "timm"}
    other = bytearray(copy.read_bytes())
    other[-1] ^= 1
    copy.write_bytes(other)
    assert counts(run(*common, str(copy))) == (1, 0)


def test_missing_weights_are_an_error_before_any_photo(tmp_path: Path) -> None:
    """Of one line that says what to try."""
    root = repository(tmp_path / "repository", 2)
    outcome = run("precalc", str(root), "--offline")
    assert outcome.code == 1
    assert "no weights for" in outcome.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--no-cache"], "leave out --no-cache"),
        (["--image-size", "100"], "is not a multiple"),
        (["-o", "depth", "3"], "has an option 'depth'"),
        (["--extractor", "nobody"], "no extractor named 'nobody'"),
    ],
)
def test_wrong_options_are_usage_errors(
    tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    """Before any photo is read."""
    photo = save(skin(32, 32), tmp_path / "photo.jpg")
    outcome = run("precalc", str(photo), *arguments)
    assert outcome.code == 2
    assert complaint in outcome.stderr


def test_an_extractor_without_depends_on_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its features could be out of date."""
    from mel_debug.builtin import plugin
    from mel_debug.core.stages import StageSpec
    from mel_debug.plugin import hookimpl
    from mel_debug.plugins.registry import load_registry
    from workbench import PatchColours

    monkeypatch.setattr(
        plugin,
        "mel_extractors",
        hookimpl(lambda: [StageSpec("mute", "a toy", lambda _: PatchColours(), patch=8)]),
    )
    load_registry.cache_clear()
    photo = save(skin(32, 32), tmp_path / "photo.jpg")
    outcome = run("precalc", str(photo), "--extractor", "mute")
    assert outcome.code == 2
    assert "the features of mute can't be cached" in outcome.stderr


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_leaves_an_intact_cache_and_the_next_run_completes_it(
    tmp_path: Path, feature_cache: Path, how: signal.Signals
) -> None:
    """What was stored is not extracted again."""
    root = repository(tmp_path / "repository", 30)
    command = [sys.executable, "-m", "mel_debug", "precalc", str(root), *XFEAT]
    env = {name: value for name, value in os.environ.items() if name not in settings()}
    with default_signals():
        process = subprocess.Popen(
            [*command, "--image-size", "1024"],
            env={**env, "MEL_DEBUG_PLUGINS": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    deadline = time.monotonic() + 120
    while not any((feature_cache / "features").glob("*/[!.]*")) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(how)
    _, errors = process.communicate()
    if how is signal.SIGINT:
        assert process.returncode == 1
        assert errors.splitlines()[-1] == "Error: stopped"
    there = photos_in_cache()
    assert 1 <= there < 30
    described, present = counts(run("precalc", str(root), *XFEAT, "--image-size", "1024"))
    assert (described, present) == (30 - there, there)
    assert photos_in_cache() == 30


@pytest.mark.slow
def test_two_runs_at_once_fill_the_cache_correctly(tmp_path: Path) -> None:
    """Neither fails, and all photos are cached, although some may be extracted twice."""
    root = str(repository(tmp_path / "repository", 8))
    command = [sys.executable, "-m", "mel_debug", "precalc", root, *XFEAT]
    env = {name: value for name, value in os.environ.items() if name not in settings()}
    both = [
        subprocess.Popen(command, env={**env, "MEL_DEBUG_PLUGINS": ""}, stderr=subprocess.DEVNULL)
        for _ in range(2)
    ]
    assert [process.wait(timeout=300) for process in both] == [0, 0]
    assert counts(run("precalc", root, *XFEAT)) == (0, 8)
