"""Laws of `mel-debug cache`, and of the cache as every command uses it."""

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workbench import Outcome, Scene, mark, run, run_and_see_imports, save, skin

pytestmark = pytest.mark.usefixtures("only_builtins")


def fast(scene: Scene, *more: str) -> list[str]:
    """`dino3-map` with what ships and needs no second look at pixels."""
    files = [str(scene.output), str(scene.target), scene.uuid, str(scene.source)]
    return ["dino3-map", *files, "--extractor", "xfeat", "--preset", "fast", *more]


def info(*more: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(run("cache", "info", "--json", *more).stdout)
    return found


def test_a_warm_search_imports_no_torch_and_says_the_same(scene: Scene, tmp_path: Path) -> None:
    """In a process of its own, line by line and pixel by pixel."""
    cold, loaded = run_and_see_imports(tmp_path / "note", *fast(scene, "--json"))
    assert "torch" in loaded
    picture = np.asarray(Image.open(scene.output))
    warm, loaded = run_and_see_imports(tmp_path / "note", *fast(scene, "--json"))
    assert loaded <= {"numpy"}
    assert warm.report == cold.report
    assert np.array_equal(np.asarray(Image.open(scene.output)), picture)


def test_no_cache_neither_keeps_nor_reads(scene: Scene, feature_cache: Path) -> None:
    """Nor makes a folder."""
    assert run(*fast(scene, "--no-cache")).code == 0
    assert not feature_cache.exists()


def test_cache_dir_goes_before_the_environment(
    scene: Scene, tmp_path: Path, feature_cache: Path
) -> None:
    """All commands take it."""
    folder = str(tmp_path / "elsewhere")
    assert run(*fast(scene, "--cache-dir", folder)).code == 0
    assert not feature_cache.exists()
    assert info("--cache-dir", folder)["photos"] == 2
    assert info()["photos"] == 0


@pytest.mark.parametrize("changed", ["source", "target"])
def test_a_photo_that_changes_is_described_anew(scene: Scene, changed: str) -> None:
    """The answer is that of a search without a cache."""
    assert run(*fast(scene)).code == 0
    path = scene.source if changed == "source" else scene.target
    save(skin(256, 224, seed=8), path)
    cached = run(*fast(scene, "--json")).report
    computed = run(*fast(scene, "--json", "--no-cache")).report
    assert (cached["x"], cached["y"]) == pytest.approx((computed["x"], computed["y"]), abs=0.5)
    assert cached["score"] == pytest.approx(computed["score"], abs=1e-3)
    assert info()["photos"] == 3


def test_a_bad_size_in_the_environment_is_a_usage_error(scene: Scene) -> None:
    """Before anything is computed."""
    outcome = run(*fast(scene), env={"MEL_DEBUG_CACHE_SIZE": "lots"})
    assert outcome.code == 2
    assert "MEL_DEBUG_CACHE_SIZE: 'lots' is no size" in outcome.error


def test_the_size_in_the_environment_is_kept_to(scene: Scene) -> None:
    """The photo used last stays."""
    run(*fast(scene))
    (each,) = {entry.stat().st_size for entry in files()}
    run("cache", "clear")
    run(*fast(scene), env={"MEL_DEBUG_CACHE_SIZE": str(each + 10)})
    assert info()["photos"] == 1


def files() -> list[Path]:
    return [*Path(str(info()["folder"]), "features").glob("*/*")]


def test_info_tells_folder_number_size_and_oldest_use(scene: Scene, feature_cache: Path) -> None:
    """For a script and for a person."""
    assert info() == {
        "folder": str(feature_cache),
        "photos": 0,
        "bytes": 0,
        "most_bytes": 10**10,
        "oldest_use": None,
        "graphs": 0,
        "graph_bytes": 0,
    }
    run(*fast(scene))
    old, new = sorted(files())
    os.utime(old, (10**9, 10**9))
    after = info()
    assert after["photos"] == 2
    assert after["bytes"] == old.stat().st_size + new.stat().st_size
    assert after["oldest_use"] == 10**9
    shown = run("cache", "info").stdout
    assert str(feature_cache) in shown
    assert "of at most 10.0 GB" in shown
    assert "2001-09-09" in shown or "2001-09-08" in shown


def test_prune_keeps_what_was_used_last(scene: Scene) -> None:
    """Reading a photo's features is use."""
    run(*fast(scene))
    for file in files():
        os.utime(file, (time.time() - 100, time.time() - 100))
    sizes = [file.stat().st_size for file in files()]
    mark(scene.target, (scene.uuid, 100, 100))
    run(*fast(Scene(scene.target, scene.target, scene.uuid, scene.mark, scene.truth, scene.output)))
    outcome = run("cache", "prune", "--max-size", str(max(sizes)))
    assert outcome.code == 0
    assert "of 1 photo from" in outcome.stdout
    assert run(*fast(scene)).code == 0
    assert info()["photos"] == 2


def test_clear_removes_everything_but_what_is_not_its_own(
    scene: Scene, feature_cache: Path
) -> None:
    """Also what it noted of weights."""
    run(*fast(scene))
    (feature_cache / "mine.txt").write_text("mine")
    outcome = run("cache", "clear")
    assert outcome.code == 0
    assert "of 2 photos from" in outcome.stdout
    assert [path for path in feature_cache.rglob("*") if path.is_file()] == [
        feature_cache / "mine.txt"
    ]
    assert info()["photos"] == 0


@pytest.mark.parametrize(
    "arguments", [["cache", "info"], ["cache", "clear"], ["cache", "prune"], ["cache", "--help"]]
)
def test_looking_after_the_cache_imports_nothing_heavy(
    tmp_path: Path, arguments: list[str]
) -> None:
    """And an empty cache is no error."""
    outcome, loaded = run_and_see_imports(tmp_path / "note", *arguments)
    assert outcome.code == 0
    assert loaded == set()


def test_a_size_that_is_none_is_a_usage_error() -> None:
    """With examples."""
    outcome: Outcome = run("cache", "prune", "--max-size", "some")
    assert outcome.code == 2
    assert "try one like 500MB" in outcome.error
