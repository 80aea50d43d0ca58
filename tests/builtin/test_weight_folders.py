"""Folders of weights, and what they say of the data that a model was trained on."""

import json
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from mel_debug.builtin.extractors.dinov3_models import MODELS, SATELLITE, WEB
from mel_debug.builtin.extractors.hub import cached_weights, find_weights, weights_identity
from mel_debug.builtin.extractors.weight_folders import check_training, files_of, training_of
from mel_debug.core.errors import MelWarning, WeightsError
from mel_debug.core.stages import BuildOptions

LARGE = "vit_large_patch16_dinov3.lvd1689m"
LARGE_SATELLITE = "vit_large_patch16_dinov3.sat493m"
SMALL = "vit_small_patch16_dinov3.lvd1689m"


def weights(path: Path, **metadata: str) -> Path:
    """A file of safetensors with one tensor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"reg_token": torch.zeros(2)}, path, metadata)
    return path


def test_a_folder_has_the_file_of_its_weights(tmp_path: Path) -> None:
    """That of safetensors is preferred to that of pickle."""
    weights(tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    assert files_of(tmp_path) == (tmp_path / "model.safetensors",)
    assert files_of(tmp_path / "model.safetensors") == (tmp_path / "model.safetensors",)


def test_a_folder_with_an_index_has_all_files_that_it_names(tmp_path: Path) -> None:
    """Each once; one that is missing is named."""
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": names[1], "b": names[0], "c": names[0]}}))
    weights(tmp_path / names[0])
    with pytest.raises(WeightsError, match=r"model-00002-of-00002\.safetensors is not"):
        files_of(tmp_path)
    weights(tmp_path / names[1])
    assert files_of(tmp_path) == tuple(tmp_path / name for name in names)


@pytest.mark.parametrize("content", ["{}", "[]", '{"weight_map": {"a": "../other"}}', "x", "{"])
def test_a_wrong_index_is_an_error_of_one_line(tmp_path: Path, content: str) -> None:
    """No file outside the folder is read."""
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(WeightsError, match=r"index\.json") as caught:
        files_of(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_without_weights_says_what_a_folder_needs(tmp_path: Path) -> None:
    """Also if it is empty."""
    with pytest.raises(WeightsError, match=r"config\.json and model\.safetensors"):
        find_weights(SMALL, BuildOptions(weights=tmp_path))


def _with_metadata(folder: Path) -> Path:
    return weights(folder / "w.safetensors", source="dinov3 SAT493M")


def _with_config(folder: Path) -> Path:
    path = weights(folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"pretrained_cfg": {"tag": "sat493m"}}))
    return path


def _with_mean(folder: Path) -> Path:
    weights(folder / "model.safetensors")
    means = {"image_mean": [0.43, 0.411, 0.296], "image_std": [0.213, 0.156, 0.143]}
    (folder / "preprocessor_config.json").write_text(json.dumps(means))
    return folder


def _with_name(folder: Path) -> Path:
    return weights(folder / "dinov3_vitl16_pretrain_sat493m-eadcf0ff.pth")


def _with_folder(folder: Path) -> Path:
    return weights(folder / "dinov3-vitl16-pretrain-sat493m" / "model.safetensors")


@pytest.mark.parametrize(
    "make", [_with_metadata, _with_config, _with_mean, _with_name, _with_folder]
)
def test_satellite_weights_do_not_load_as_those_of_the_web(tmp_path: Path, make: object) -> None:
    """By metadata, configuration, mean colour or name; the error names the right extractor."""
    path = make(tmp_path)  # type: ignore[operator]
    assert training_of(path) == SATELLITE
    with pytest.raises(WeightsError, match=f"trained on sat493m.*timm:{LARGE_SATELLITE}"):
        check_training(path, LARGE)
    check_training(path, LARGE_SATELLITE)


def test_weights_that_say_nothing_are_used_with_a_warning(tmp_path: Path) -> None:
    """Only where another training exists."""
    path = weights(tmp_path / "w.safetensors")
    assert training_of(path) is None
    with pytest.warns(MelWarning, match=r"lvd1689m or sat493m.*normalised as for sat493m"):
        check_training(path, LARGE_SATELLITE)
    check_training(path, SMALL)


def test_a_mean_of_the_web_is_recognised(tmp_path: Path) -> None:
    """That of ImageNet, as DINOv3's."""
    weights(tmp_path / "model.safetensors")
    (tmp_path / "preprocessor_config.json").write_text('{"image_mean": [0.485, 0.456, 0.406]}')
    assert training_of(tmp_path) == WEB


def test_metas_repositories_in_the_cache_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With shards; a download that was stopped is not used."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / f"models--{MODELS[SMALL].repository.replace('/', '--')}"
    snapshot = repository / "snapshots" / ("0" * 40)
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    assert cached_weights(SMALL) is None
    blob = weights(repository / "blobs" / ("a" * 64))
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    assert cached_weights(SMALL) is None
    (snapshot / "model.safetensors").symlink_to(blob)
    assert cached_weights(SMALL) == snapshot
    assert find_weights(SMALL, BuildOptions(offline=True)) == snapshot
    assert weights_identity(SMALL, BuildOptions()) == ("a" * 64,)


def test_every_repository_of_meta_names_its_training() -> None:
    """So that a folder copied from the cache is recognised."""
    for model in MODELS.values():
        assert model.training in model.repository
