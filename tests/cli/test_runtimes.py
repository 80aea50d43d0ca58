"""Laws of `--runtime`, `--precision` and `--threads` at the command line."""

import json
import shutil
from pathlib import Path

import pytest

from extras import needs_openvino
from mel_debug.builtin.extractors import runtime
from mel_debug.files.user_dirs import GRAPHS
from tolerance import assert_same_results
from workbench import Dinov3Weights, Scene, run, run_and_see_imports

pytestmark = pytest.mark.usefixtures("only_builtins")


def search(scene: Scene, *more: str) -> list[str]:
    """`dino3-map` with DINOv3 small, unless `more` says otherwise."""
    files = [str(scene.output), str(scene.target), scene.uuid, str(scene.source)]
    return ["dino3-map", *files, "--json", *more]


def small(weights: Dinov3Weights) -> list[str]:
    return ["--dino-size", "small", "--weights", str(weights.safetensors), "--image-size", "128"]


def test_openvino_without_its_extra_is_a_usage_error_that_names_it(
    scene: Scene, dinov3_small: Dinov3Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, before any weights are loaded."""
    monkeypatch.setattr(runtime, "find_spec", lambda _: None)
    outcome = run(*search(scene, *small(dinov3_small), "--runtime", "openvino"))
    assert outcome.code == 2
    assert "pip install 'mel-debug[openvino]'" in outcome.error


def test_a_precision_that_an_extractor_lacks_is_a_usage_error(scene: Scene) -> None:
    """It is not passed over in silence; `auto` fits everything."""
    outcome = run(*search(scene, "--extractor", "xfeat", "--precision", "bf16"))
    assert outcome.code == 2
    assert "xfeat does not run with --precision bf16; try one of: auto, " in outcome.error


@needs_openvino
def test_openvino_on_a_gpu_is_a_usage_error(scene: Scene, dinov3_small: Dinov3Weights) -> None:
    """It is used on processors only."""
    more = ["--runtime", "openvino", "--device", "cuda"]
    outcome = run(*search(scene, *small(dinov3_small), *more))
    assert outcome.code == 2
    assert "runs on the CPU" in outcome.error


@pytest.mark.slow
@needs_openvino
def test_a_search_with_a_converted_model_imports_no_torch_and_finds_the_same(
    scene: Scene, dinov3_small: Dinov3Weights, tmp_path: Path
) -> None:
    """Cold, in a process of its own; that of torch differs from it by rounding only."""
    command = search(scene, *small(dinov3_small), "--no-cache")
    run(*command)
    converted, loaded = run_and_see_imports(tmp_path / "note", *command)
    assert not loaded & {"torch", "timm", "torchvision"}
    torchs = run(*command, "--runtime", "torch")
    assert_same_results(converted.report, torchs.report)


@pytest.mark.slow
@needs_openvino
def test_precisions_share_no_features_and_runtimes_in_f32_do(
    scene: Scene, dinov3_small: Dinov3Weights
) -> None:
    """What differs by more than rounding is kept apart."""

    def kept(*more: str) -> int:
        assert run(*search(scene, *small(dinov3_small), *more)).code == 0
        photos: int = json.loads(run("cache", "info", "--json").stdout)["photos"]
        return photos

    assert kept("--runtime", "openvino") == 2
    assert kept("--runtime", "torch", "--precision", "f32", "--threads", "1") == 2
    assert kept("--runtime", "torch", "--precision", "bf16") == 4
    if runtime.has_bf16():
        assert kept("--runtime", "openvino", "--precision", "bf16") == 6


@pytest.mark.slow
@needs_openvino
def test_converted_models_are_counted_and_cleared_with_the_cache(
    graph_folder: Path,
    feature_cache: Path,
    scene: Scene,
    dinov3_small: Dinov3Weights,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are counted apart from the features, and stored in the cache's folder."""
    assert run(*search(scene, *small(dinov3_small))).code == 0
    shutil.copytree(graph_folder, feature_cache / "graphs")
    monkeypatch.delenv(GRAPHS)
    told = json.loads(run("cache", "info", "--json").stdout)
    assert told["photos"] == 2
    assert told["models"] >= 1
    assert told["model_bytes"] > 80_000_000
    assert "converted model" in run("cache", "info").stdout
    assert "converted model" in run("cache", "clear").stdout
    assert json.loads(run("cache", "info", "--json").stdout)["models"] == 0
