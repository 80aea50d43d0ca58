"""Laws of DINOv3, and of finding its weights."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import timm.data
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from mel_debug.builtin.extractors.dinov3_sizes import PATCH, SIZES
from mel_debug.builtin.extractors.hub import find_weights
from mel_debug.builtin.extractors.timm_models import load_model
from mel_debug.core.errors import WeightsError
from mel_debug.core.stages import BuildOptions, FeatureExtractor
from mel_debug.core.types import Pixels, Vectors
from mel_debug.plugins.registry import load_registry
from tolerance import ROUNDING, relative_error
from workbench import Dinov3Weights, cache_of, extractor, skin


@pytest.fixture(scope="module")
def small(dinov3_small: Dinov3Weights) -> FeatureExtractor:
    """The extractor under test."""
    return extractor("dinov3-small", dinov3_small.safetensors)


@pytest.fixture(scope="module")
def timms_own(dinov3_small: Dinov3Weights) -> Any:
    """The same weights in a model built by timm alone."""
    model = timm.create_model(dinov3_small.timm_name, pretrained=False, num_classes=0)
    model.load_state_dict(load_file(dinov3_small.safetensors))
    return model.eval()


def timms_features(model: Any, images: Pixels) -> Vectors:
    """`forward_features` of timm's own normalisation, its prefix tokens dropped."""
    config = timm.data.resolve_model_data_config(model)
    pixels = images.astype(np.float64) / 255
    normal = (pixels - config["mean"]) / config["std"]
    with torch.inference_mode():
        tokens = model.forward_features(torch.from_numpy(normal).float().permute(0, 3, 1, 2))
    rows, columns = images.shape[1] // PATCH, images.shape[2] // PATCH
    patches = tokens[:, tokens.shape[1] - rows * columns :].numpy()
    result: Vectors = patches.reshape(len(images), rows, columns, -1)
    return result


def cosines(one: Vectors, other: Vectors) -> Vectors:
    """The cosine of the angle between the vectors of each patch."""
    lengths = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    result: Vectors = np.sum(one * other, axis=-1) / lengths
    return result


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["safetensors", "pth"])
def test_features_equal_those_of_timm(
    dinov3_small: Dinov3Weights, small: FeatureExtractor, timms_own: Any, kind: str
) -> None:
    """Without prefix tokens, with seeded random weights, from either kind of checkpoint."""
    images = np.stack([skin(112, 64, seed) for seed in (1, 2)])
    ours = small if kind == "safetensors" else extractor("dinov3-small", dinov3_small.pth)
    vectors = ours.extract(images)
    assert vectors.shape == (2, 4, 7, 384)
    assert vectors.dtype == np.float32
    assert relative_error(vectors, timms_features(timms_own, images)) <= ROUNDING


@pytest.mark.slow
def test_the_random_weights_distinguish_patches(timms_own: Any) -> None:
    """Otherwise agreement with timm would prove little."""
    image = skin(112, 64, 1)
    vectors = timms_features(timms_own, image[np.newaxis])
    mirrored = timms_features(timms_own, image[np.newaxis, :, ::-1])
    assert relative_error(vectors, mirrored) > 0.01
    assert relative_error(vectors[:, ::-1], vectors) > 0.01


def test_a_loaded_model_equals_that_of_timm(dinov3_small: Dinov3Weights, timms_own: Any) -> None:
    """To the bit, including buffers that are not in the checkpoint."""
    model = load_model(dinov3_small.timm_name, dinov3_small.safetensors, "cpu")
    state, expected = model.state_dict(), load_file(dinov3_small.safetensors)
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in expected)
    computed, timms = dict(model.named_buffers()), dict(timms_own.named_buffers())
    assert computed.keys() == timms.keys()
    assert computed
    assert all(torch.allclose(computed[name], timms[name]) for name in timms)


OFFICIAL = {"reg_token": "storage_tokens", "gamma_1": "ls1.gamma", "gamma_2": "ls2.gamma"}
"""The names in the release of DINOv3's authors, by the names in timm."""


@pytest.mark.slow
def test_checkpoints_of_the_official_release_are_read(
    tmp_path: Path,
    dinov3_small: Dinov3Weights,
    small: FeatureExtractor,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """They have a mask token and zero biases that timm leaves out; nothing is printed."""
    state = {}
    for name, tensor in load_file(dinov3_small.safetensors).items():
        state[_renamed(name)] = tensor
        if name.endswith("qkv.weight"):
            state[name.replace("weight", "bias")] = torch.zeros(len(tensor))
    state["mask_token"] = torch.zeros(1, 384)
    state["rope_embed.periods"] = torch.ones(16, dtype=torch.bfloat16)
    path = tmp_path / "official.pth"
    torch.save(state, path)
    image = skin(64, 48)[np.newaxis]
    official = extractor("dinov3-small", path).extract(image)
    assert relative_error(official, small.extract(image)) <= ROUNDING
    assert capsys.readouterr().out == ""


def _renamed(name: str) -> str:
    for timms, theirs in OFFICIAL.items():
        name = name.replace(timms, theirs)
    return name


@pytest.mark.slow
def test_half_precision_weights_are_computed_in_full_precision(
    tmp_path: Path, dinov3_small: Dinov3Weights
) -> None:
    """The type in the file does not set the precision of the computation."""
    halves = {name: t.half() for name, t in load_file(dinov3_small.safetensors).items()}
    save_file(halves, tmp_path / "half.safetensors")
    model = load_model(dinov3_small.timm_name, tmp_path / "half.safetensors", "cpu")
    assert {p.dtype for p in model.parameters()} == {torch.float32}


@pytest.mark.slow
def test_bf16_rotates_no_vector_by_more_than_a_few_degrees(dinov3_small: Dinov3Weights) -> None:
    """The cosine to the same patch in f32 is at least 0.999."""
    image = skin(112, 64, 3)[np.newaxis]
    full = extractor("dinov3-small", dinov3_small.safetensors, runtime="torch").extract(image)
    short = extractor(
        "dinov3-small", dinov3_small.safetensors, runtime="torch", precision="bf16"
    ).extract(image)
    assert not np.array_equal(full, short)
    assert cosines(full, short).min() >= 0.999


@pytest.mark.slow
def test_features_do_not_depend_on_the_batch(small: FeatureExtractor) -> None:
    """Except for rounding."""
    images = np.stack([skin(64, 48, seed) for seed in range(3)])
    alone = np.concatenate([small.extract(image[np.newaxis]) for image in images])
    assert relative_error(small.extract(images), alone) <= ROUNDING


def test_the_mean_colour_is_that_of_the_training_images(
    small: FeatureExtractor, timms_own: Any
) -> None:
    """After normalisation it is 0, except for rounding to bytes."""
    config = timm.data.resolve_model_data_config(timms_own)
    normal = (np.array(small.mean_colour) / 255 - config["mean"]) / config["std"]
    assert np.abs(normal).max() <= 0.5 / 255 / min(config["std"])


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_a_model_of_timm(size: str) -> None:
    """With its name, patch and number of dimensions; built on the meta device."""
    offered = SIZES[size]
    with torch.device("meta"):
        model = timm.create_model(offered.timm_name, pretrained=False, num_classes=0)
    assert model.num_features == offered.dimensions
    assert model.patch_embed.patch_size == (PATCH, PATCH)
    spec = load_registry().extractor(f"dinov3-{size}")
    assert spec.patch_for(spec.values({})) == PATCH


class Malicious:
    """Runs code when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


def test_a_malicious_checkpoint_runs_no_code(tmp_path: Path) -> None:
    """It is refused with an error of one line."""
    trace = tmp_path / "trace"
    plain, zipped = tmp_path / "plain.pth", tmp_path / "zipped.pth"
    plain.write_bytes(pickle.dumps({"norm.weight": Malicious(trace)}))
    torch.save({"norm.weight": Malicious(trace)}, zipped)
    for path in (plain, zipped):
        with pytest.raises(WeightsError, match=path.name) as caught:
            extractor("dinov3-small", path)
        assert "\n" not in str(caught.value)
    assert not trace.exists()


def test_a_checkpoint_of_another_size_is_an_error_of_one_line(dinov3_small: Dinov3Weights) -> None:
    """Weights of the small model do not load as the base model."""
    with pytest.raises(WeightsError, match=r"vit_base.*of this model and size") as caught:
        extractor("dinov3-base", dinov3_small.safetensors)
    assert str(dinov3_small.safetensors) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["safetensors", "pth"])
def test_a_checkpoint_cut_short_is_an_error_of_one_line(
    tmp_path: Path, dinov3_small: Dinov3Weights, kind: str
) -> None:
    """Which says so."""
    whole: Path = getattr(dinov3_small, kind)
    path = tmp_path / whole.name
    with whole.open("rb") as file:
        path.write_bytes(file.read(1_000_000))
    with pytest.raises(WeightsError, match=r"small\..* cut short") as caught:
        extractor("dinov3-small", path)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_checkpoint_with_a_missing_tensor_is_an_error_of_one_line(
    tmp_path: Path, dinov3_small: Dinov3Weights
) -> None:
    """A partly random model must not be used."""
    state = load_file(dinov3_small.safetensors)
    del state[min(state)]
    path = tmp_path / "partial.safetensors"
    save_file(state, path)
    with pytest.raises(WeightsError, match=r"partial\.safetensors"):
        extractor("dinov3-small", path)


def test_given_weights_are_preferred_to_the_cache_and_the_cache_to_the_network(
    tmp_path: Path, dinov3_small: Dinov3Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of the first two needs the network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache_of(tmp_path, dinov3_small)))
    cached = find_weights(dinov3_small.timm_name, BuildOptions(offline=True))
    assert cached is not None
    assert cached.samefile(dinov3_small.safetensors)
    given = BuildOptions(weights=dinov3_small.pth, offline=True)
    assert find_weights(dinov3_small.timm_name, given) == dinov3_small.pth
    with pytest.raises(WeightsError, match="no weights for another"):
        find_weights("another", BuildOptions(offline=True))
