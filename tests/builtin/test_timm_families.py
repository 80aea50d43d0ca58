"""Families of models of timm: which sizes of images they take, and that features are timm's own."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file

from mel_debug.builtin.extractors.image_sizes import Sizes
from mel_debug.builtin.extractors.settings import Reading
from mel_debug.builtin.extractors.timm_models import TimmExtractor, create, load_model
from mel_debug.builtin.extractors.timm_reader import FeatureReader, colours_of, strides_of
from mel_debug.builtin.extractors.timm_trials import trial
from mel_debug.core.errors import MelError, MelWarning
from mel_debug.core.stages import BuildOptions
from mel_debug.plugins.registry import load_registry
from models import normalised, weights_of
from tolerance import ROUNDING, relative_error
from workbench import skin

pytestmark = pytest.mark.slow

FAMILIES = {
    "test_vit": (Sizes(16), 16),
    "eva02_tiny_patch14_224": (Sizes(14), 14),
    "test_convnext": (Sizes(32), 32),
    "swin_tiny_patch4_window7_224": (Sizes(32), 32),
    "swinv2_tiny_window8_256": (Sizes(32), 32),
    "resnet10t": (Sizes(32), 32),
    "test_efficientnet": (Sizes(32), 32),
    "test_mambaout": (Sizes(32), 32),
    "inception_next_atto": (Sizes(32), 32),
    "mobilevitv2_050": (Sizes(64), 32),
    "test_maxvit": (Sizes(160), 32),
    "test_vit_relpos": (Sizes(16, (160, 160)), 16),
    "gmlp_ti16_224": (Sizes(16, (224, 224)), 16),
    "pit_ti_224": (Sizes(32, (224, 224)), 32),
}
"""A small model of each kind, the sizes that it takes, and the stride of its last layer."""


def own_size(sizes: Sizes, stride: int) -> tuple[int, int]:
    """A height and width that the model takes without padding or tiles."""
    if sizes.tile is not None:
        return sizes.tile
    step = max(sizes.step, stride)
    return 2 * step, 3 * step if step < 160 else 2 * step


def timms_own(model: Any, images: Any) -> Any:
    """The last of timm's intermediates, with the final norm as far as timm has it: by rows."""
    batch = normalised(images, colours_of(model))
    last = [len(strides_of(model)) - 1]
    arguments: dict[str, Any] = {"indices": last, "intermediates_only": True}
    with torch.inference_mode():
        try:
            (features,) = model.forward_intermediates(batch, norm=True, **arguments)
        except AssertionError:
            (features,) = model.forward_intermediates(batch, norm=False, **arguments)
        norm: Any = getattr(getattr(model, "head", None), "norm", None)
        if isinstance(norm, timm.layers.LayerNorm2d):
            features = norm(features)
        vectors = features.permute(0, 2, 3, 1)
        if type(norm) is timm.layers.LayerNorm and norm.normalized_shape[0] == vectors.shape[-1]:
            vectors = norm(vectors)
    return vectors.numpy()


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_of_each_family_gives_timms_features_on_seeded_weights(
    tmp_path: Path, name: str
) -> None:
    """Of an image of its own size, and a vector for each patch of an image of another size."""
    sizes, stride = FAMILIES[name]
    weights = weights_of(name, tmp_path / "w.safetensors")
    spec = load_registry().extractor(f"timm:{name}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        built = spec.create(BuildOptions("cpu", weights, offline=True, runtime="torch"))
    said = [str(each.message) for each in caught if issubclass(each.category, MelWarning)]
    assert any("in tiles of that size" in text for text in said) == (sizes.tile is not None)
    assert built.patch == stride
    height, width = own_size(sizes, stride)
    images = skin(width, height, 1)[np.newaxis]
    model = create(name, pretrained=False)
    model.load_state_dict(load_file(weights))
    expected = timms_own(model.eval(), images)
    assert relative_error(built.extract(images), expected) <= ROUNDING
    odd = skin(5 * stride, 3 * stride, 2)[np.newaxis]
    assert built.extract(odd).shape == (1, 3, 5, expected.shape[-1])


@pytest.mark.parametrize(
    "name", ["test_vit", "test_convnext", "test_maxvit", "test_vit_relpos", "gmlp_ti16_224"]
)
def test_a_trial_finds_the_sizes_that_a_model_takes(name: str) -> None:
    """Any, multiples of its own size, or only that one."""
    strides, sizes = trial(name)
    assert (sizes, strides[-1]) == FAMILIES[name]


@pytest.mark.parametrize("name", ["crossvit_tiny_240", "inception_v3"])
def test_a_model_without_a_whole_grid_is_refused_before_weights_are_loaded(name: str) -> None:
    """In one line: its patches do not divide its images."""
    with pytest.raises(MelError, match=r"no whole grid of features.*no multiples") as caught:
        load_registry().extractor(f"timm:{name}")
    assert "\n" not in str(caught.value)


def test_a_larger_image_has_the_features_of_its_tiles() -> None:
    """Those of the first tile are those of the tile alone."""
    model = create("test_vit_relpos", pretrained=False).eval()
    extractor = TimmExtractor(model, sizes=FAMILIES["test_vit_relpos"][0])
    image = skin(320, 176, 3)[np.newaxis]
    vectors = extractor.extract(image)
    assert vectors.shape[:3] == (1, 11, 20)
    alone = extractor.extract(np.ascontiguousarray(image[:, :160, :160]))
    assert relative_error(vectors[:, :1, :10], alone[:, :1]) <= ROUNDING


def test_a_layer_without_a_grid_is_an_error_of_one_line() -> None:
    """Not a traceback; other layers of the model can be read."""
    model = create("test_resnet", pretrained=False).eval()
    extractor = TimmExtractor(model)
    model.layer4 = torch.nn.AdaptiveAvgPool2d(1)
    with pytest.raises(MelError, match=r"no grid of patches; try another `layer`"):
        extractor.extract(skin(64, 96, 1)[np.newaxis])


def test_a_model_without_intermediates_is_read_by_features_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in earlier versions of timm; the features are the same."""
    weights = weights_of("test_resnet", tmp_path / "w.safetensors")
    whole = load_model("test_resnet", weights, "cpu")
    with monkeypatch.context() as patch:
        patch.delattr(timm.models.ResNet, "forward_intermediates")
        only = load_model("test_resnet", weights, "cpu")
    assert not hasattr(only, "forward_intermediates")
    assert strides_of(only) == strides_of(whole)
    batch = normalised(skin(64, 96, 1)[np.newaxis])
    for layers in ((-1,), (1, 3)):
        reading = Reading(layers, norm=True)
        with torch.inference_mode():
            features = FeatureReader(only, reading)(batch).numpy()
            expected = FeatureReader(whole, reading)(batch).numpy()
        assert relative_error(features, expected) <= ROUNDING
