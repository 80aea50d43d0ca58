"""Laws of `mel-debug cache`, and of the cache in other commands."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mel_debug.cache.artifacts import ArtifactStore
from mel_debug.cache.digests import Digests
from mel_debug.cache.store import FileStore
from tolerance import assert_same_picture, assert_same_results
from workbench import Outcome, Scene, mark, run, run_and_see_imports, save, skin

pytestmark = pytest.mark.usefixtures("only_builtins")


SIZE = ("--image-size", "256")
"""The scene's own size, for speed."""


def fast(scene: Scene, *more: str) -> list[str]:
    """`dino3-map` with built-in stages that do not read full-size pixels after extraction."""
    files = [str(scene.output), str(scene.target), scene.uuid, str(scene.source)]
    return ["dino3-map", *files, "--extractor", "xfeat", "--preset", "fast", *SIZE, *more]


def info(*more: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(run("cache", "info", "--json", *more).stdout)
    return found


@pytest.mark.slow
def test_a_search_of_cached_photos_imports_no_torch_and_has_the_same_result(
    scene: Scene, tmp_path: Path
) -> None:
    """In its report and in its picture."""
    search = fast(scene, "--json", "--runtime", "torch")
    cold, loaded = run_and_see_imports(tmp_path / "note", *search)
    assert "torch" in loaded
    picture = np.asarray(Image.open(scene.output))
    warm, loaded = run_and_see_imports(tmp_path / "note", *search)
    assert loaded <= {"numpy"}
    assert_same_results(warm.report, cold.report)
    assert_same_picture(np.asarray(Image.open(scene.output)), picture)


def test_with_no_cache_nothing_is_stored_or_read(scene: Scene, feature_cache: Path) -> None:
    """And no folder is made."""
    assert run(*fast(scene, "--no-cache")).code == 0
    assert not feature_cache.exists()


def test_cache_dir_has_priority_over_the_environment(
    scene: Scene, tmp_path: Path, feature_cache: Path
) -> None:
    """In all commands."""
    folder = str(tmp_path / "elsewhere")
    assert run(*fast(scene, "--cache-dir", folder)).code == 0
    assert not feature_cache.exists()
    assert info("--cache-dir", folder)["photos"] == 2
    assert info()["photos"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("changed", ["source", "target"])
def test_a_changed_photo_is_extracted_again(scene: Scene, changed: str) -> None:
    """The result is that of a search without a cache."""
    assert run(*fast(scene)).code == 0
    path = scene.source if changed == "source" else scene.target
    save(skin(256, 224, seed=8), path)
    cached = run(*fast(scene, "--json")).report
    computed = run(*fast(scene, "--json", "--no-cache")).report
    assert_same_results(cached, computed)
    assert info()["photos"] == 3


def test_a_bad_size_in_the_environment_is_a_usage_error(scene: Scene) -> None:
    """Before anything is computed."""
    outcome = run(*fast(scene), env={"MEL_DEBUG_CACHE_SIZE": "lots"})
    assert outcome.code == 2
    assert "MEL_DEBUG_CACHE_SIZE: 'lots' is not a size" in outcome.error


def test_the_size_limit_of_the_environment_is_respected(scene: Scene) -> None:
    """The most recently used photo stays."""
    run(*fast(scene))
    (each,) = {entry.stat().st_size for entry in files()}
    run("cache", "clear")
    run(*fast(scene), env={"MEL_DEBUG_CACHE_SIZE": str(each + 10)})
    assert info()["photos"] == 1


def files() -> list[Path]:
    return [*Path(str(info()["folder"]), "features").glob("*/*")]


def test_info_has_folder_number_size_and_oldest_use(scene: Scene, feature_cache: Path) -> None:
    """As JSON and as text."""
    assert info() == {
        "folder": str(feature_cache),
        "photos": 0,
        "pairs": 0,
        "variants": 0,
        "tiles": 0,
        "bytes": 0,
        "most_bytes": 10**10,
        "oldest_use": None,
        "models": 0,
        "model_bytes": 0,
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


def test_prune_keeps_the_most_recently_used(scene: Scene) -> None:
    """Reading the features of a photo counts as use."""
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


def test_clear_removes_only_files_of_the_cache(scene: Scene, feature_cache: Path) -> None:
    """Including the digests of weights."""
    run(*fast(scene))
    (feature_cache / "mine.txt").write_text("mine")
    outcome = run("cache", "clear")
    assert outcome.code == 0
    assert "of 2 photos from" in outcome.stdout
    assert [path for path in feature_cache.rglob("*") if path.is_file()] == [
        feature_cache / "mine.txt"
    ]
    assert info()["photos"] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [["cache", "info"], ["cache", "clear"], ["cache", "prune"], ["cache", "--help"]]
)
def test_the_commands_import_no_heavy_package(tmp_path: Path, arguments: list[str]) -> None:
    """And an empty cache is no error."""
    outcome, loaded = run_and_see_imports(tmp_path / "note", *arguments)
    assert outcome.code == 0
    assert loaded == set()


def test_a_malformed_size_is_a_usage_error() -> None:
    """The error has examples of sizes."""
    outcome: Outcome = run("cache", "prune", "--max-size", "some")
    assert outcome.code == 2
    assert "try one like 500MB" in outcome.error


def own_graph(folder: Path) -> Path:
    """A converted model as the cache stores it."""
    store = ArtifactStore(folder, lambda _: "")
    graph = store.store("a" * 64, written, later=("compiled/*.blob",))
    (graph / "compiled").mkdir()
    (graph / "compiled" / "123.blob").write_bytes(b"compiled")
    return graph


def written(folder: Path) -> None:
    (folder / "model.xml").write_text("<net/>")
    (folder / "model.bin").write_bytes(b"weights")


def test_clear_removes_only_models_with_a_manifest(tmp_path: Path, graph_folder: Path) -> None:
    """Other folders and files stay, whatever their names, also inside the folder of a model."""
    folder = graph_folder.parent / "marked"
    whole, broken = own_graph(folder), folder / f".{'b' * 64}.x1_y.part"
    broken.mkdir()
    (broken / "model.bin").write_bytes(b"half")
    theirs = [
        folder / "photos" / "1.jpg", folder / ("c" * 64) / "model.bin", folder / "notes.json",
        whole / "compiled" / "mine.jpg",
    ]  # fmt: skip
    for path in theirs:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"theirs")
    outside = tmp_path / "outside"
    shutil.copytree(whole, outside)
    (folder / ("d" * 64)).symlink_to(outside, target_is_directory=True)
    kept = sorted(path for path in outside.rglob("*"))
    outcome = run("cache", "clear", env={"MEL_DEBUG_GRAPHS": str(folder)})
    assert outcome.code == 0
    assert "2 converted models" in outcome.stdout
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == sorted(theirs)
    assert sorted(path for path in outside.rglob("*")) == kept


def test_clearing_a_folder_that_is_no_cache_removes_nothing(tmp_path: Path) -> None:
    """Even if it has folders and files with the names of a cache."""
    theirs = [
        tmp_path / "1.jpg",
        tmp_path / "digests" / "mine.json",
        tmp_path / "digests" / f"{'a' * 64}.json",
        tmp_path / "graphs" / "mine" / "model.xml",
        tmp_path / "features" / "ab" / f"ab{'0' * 62}.safetensors",
    ]
    for path in theirs:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"path": "x", "made_by": "others"}')
    for command in (["clear"], ["prune", "--max-size", "0"]):
        outcome = run("cache", *command, "--cache-dir", str(tmp_path), env={"MEL_DEBUG_GRAPHS": ""})
        assert outcome.code == 0
        assert "of 0 photos" in outcome.stdout
        assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(theirs)


@pytest.mark.slow
def test_clear_removes_the_digests_of_weights(tmp_path: Path, feature_cache: Path) -> None:
    """Whose names match their content; also for a path of undecodable bytes."""
    weights = tmp_path / os.fsdecode(b"\xff.pt")
    weights.write_bytes(b"weights")
    os.utime(weights, (10**9, 10**9))
    time.sleep(2.1)  # until then a file counts as still being written
    Digests(feature_cache).of(weights)
    folder = feature_cache / "digests"
    assert len(list(folder.iterdir())) == 1
    (folder / "mine.json").write_text("{}")
    assert run("cache", "clear").code == 0
    assert [path.name for path in folder.iterdir()] == ["mine.json"]


def foreign_files(folder: Path) -> None:
    """Files and folders of others in every place where the cache keeps its own."""
    deep = "[" * 10**5
    notes = {"deep": deep, "list": "[1]", "number": '{"path": 5}', "null": '{"path": "\\u0000"}'}
    (folder / "digests" / "folder.json").mkdir(parents=True)
    for name, text in notes.items():
        (folder / "digests" / f"{name}.json").write_text(text)
    graph = folder / "graphs" / ("a" * 64)
    graph.mkdir(parents=True)
    (graph / "facts.json").write_text(deep)
    (folder / "graphs" / ("b" * 64)).symlink_to(graph)
    (folder / "features" / "CACHEDIR.TAG").mkdir(parents=True)


def test_files_of_others_in_the_cache_stop_no_command(tmp_path: Path) -> None:
    """And stay as they are, whatever they hold."""
    foreign_files(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for command in (["info"], ["prune", "--max-size", "0"], ["clear"]):
        outcome = run("cache", *command, "--cache-dir", str(tmp_path), env={"MEL_DEBUG_GRAPHS": ""})
        assert outcome.code == 0, outcome.error
    assert sorted(tmp_path.rglob("*")) == before


@pytest.fixture(params=[0o700, 0o744])
def closed_cache(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A cache whose folders can't be entered by others, or only listed."""
    for name in ("graphs", "digests", "features"):
        (tmp_path / name / ("d" * 64)).mkdir(parents=True)
        (tmp_path / name).chmod(request.param)
    return tmp_path


def test_folders_of_other_users_stop_no_command(
    closed_cache: Path, become_another_user: Callable[[], None]
) -> None:
    """What can't be read is not among what the cache holds."""
    become_another_user()
    digests = Digests(closed_cache)
    artifacts = ArtifactStore(closed_cache / "graphs", digests.of)
    assert artifacts.entries() == []
    assert artifacts.clear() == []
    digests.clear()
    store = FileStore(closed_cache, 0)
    assert store.clear() == []
    assert not store.has("d" * 64)


def test_a_cache_that_can_not_be_written_is_one_warning_with_flags(
    scene: Scene, tmp_path: Path
) -> None:
    """The search goes on; the message names what to try as a flag."""
    (tmp_path / "file").touch()
    outcome = run(*fast(scene, "--cache-dir", str(tmp_path / "file" / "cache")))
    assert outcome.code == 0
    (line,) = (line for line in outcome.stderr.splitlines() if "warning: " in line)
    assert "try another --cache-dir, or --no-cache" in line
