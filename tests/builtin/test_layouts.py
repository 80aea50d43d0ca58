"""Checkpoints of timm, Meta and Hugging Face transformers give the features of their origin."""

import contextlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from mel_debug.builtin.extractors.dinov3_models import MODELS, trained_on, twin_of
from mel_debug.builtin.extractors.layouts import (
    foreign_layout,
    in_timms_layout,
    layout_of,
    with_fitting_biases,
)
from mel_debug.builtin.extractors.settings import Reading
from mel_debug.builtin.extractors.timm_reader import FeatureReader
from mel_debug.core.errors import WeightsError
from models import normalised, seeded
from tolerance import ROUNDING, relative_error
from workbench import extractor, skin

pytestmark = pytest.mark.slow

LAST = Reading((-1,), norm=True)
IMAGES = np.stack([skin(64, 96, seed) for seed in (1, 2)])

PLAIN = "vit_small_patch16_dinov3.lvd1689m"
BIASED = "vit_small_patch16_dinov3_qkvb.lvd1689m"
GATED = "vit_huge_plus_patch16_dinov3_qkvb.lvd1689m"


def short(name: str) -> Any:
    """A DINOv3 of timm with two blocks of few dimensions, on random weights."""
    sizes = {"depth": 2, "embed_dim": 128, "num_heads": 2}
    return timm.create_model(name, pretrained=False, num_classes=0, **sizes).eval()


def features(model: Any) -> Any:
    """The features of two images, by rows."""
    with torch.inference_mode():
        return FeatureReader(model, LAST)(normalised(IMAGES)).flatten(1, -2).numpy()


def transformers_vit(*, gated: bool, biases: bool) -> Any:
    """A DINOv3 of transformers with the shapes of `short`."""
    module = pytest.importorskip("transformers")
    hidden = short(GATED).blocks[0].mlp.fc1_g.out_features if gated else 512
    config = module.DINOv3ViTConfig(
        hidden_size=128,
        intermediate_size=hidden,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_register_tokens=4,
        hidden_act="silu" if gated else "gelu",
        use_gated_mlp=gated,
        query_bias=biases,
        value_bias=biases,
    )
    model = module.DINOv3ViTModel(config)
    model.load_state_dict(seeded(model.state_dict()))
    return model.eval()


def transformers_convnext() -> Any:
    """A DINOv3 ConvNeXt of transformers with one block in each stage."""
    module = pytest.importorskip("transformers")
    config = module.DINOv3ConvNextConfig(hidden_sizes=[32, 64, 96, 128], depths=[1, 1, 2, 1])
    model = module.DINOv3ConvNextModel(config)
    model.load_state_dict(seeded(model.state_dict()))
    return model.eval()


def of_origin(model: Any, prefix_tokens: int) -> Any:
    """The features of two images by transformers' own function, its prefix tokens dropped."""
    with torch.inference_mode():
        return model(normalised(IMAGES)).last_hidden_state[:, prefix_tokens:].numpy()


def saved(model: Any, folder: Path) -> dict[str, torch.Tensor]:
    """The tensors as transformers writes them."""
    from safetensors.torch import load_file

    model.save_pretrained(folder)
    tensors: dict[str, torch.Tensor] = load_file(folder / "model.safetensors")
    return tensors


@pytest.mark.parametrize("prefix", ["", "model.", "model.model."])
@pytest.mark.parametrize(
    ("timms", "gated", "biases"),
    [(PLAIN, False, False), (BIASED, False, True), (GATED, True, True)],
)
def test_a_vision_transformer_of_transformers_gives_its_own_features(
    tmp_path: Path, timms: str, gated: bool, biases: bool, prefix: str
) -> None:
    """To 1e-5, with or without biases and gates, and a leading `model.`."""
    theirs = transformers_vit(gated=gated, biases=biases)
    state = {f"{prefix}{name}": tensor for name, tensor in saved(theirs, tmp_path).items()}
    assert layout_of(state) == "transformers"
    ours = short(timms)
    ours.load_state_dict(in_timms_layout(state))
    assert relative_error(features(ours), of_origin(theirs, 5)) <= 1e-5


def test_the_names_in_memory_of_transformers_are_recognised_too() -> None:
    """`state_dict` has other prefixes than the files."""
    theirs = transformers_vit(gated=False, biases=False)
    ours = short(PLAIN)
    ours.load_state_dict(in_timms_layout(theirs.state_dict()))
    assert relative_error(features(ours), of_origin(theirs, 5)) <= 1e-5


@pytest.mark.parametrize("prefix", ["", "model."])
def test_a_convnext_of_transformers_gives_its_own_features(tmp_path: Path, prefix: str) -> None:
    """To 1e-5; the final norm is that of timm's head."""
    theirs = transformers_convnext()
    state = {f"{prefix}{name}": tensor for name, tensor in saved(theirs, tmp_path).items()}
    assert layout_of(state) == "transformers"
    ours = timm.create_model(
        "convnext_tiny.dinov3_lvd1689m",
        pretrained=False,
        num_classes=0,
        dims=(32, 64, 96, 128),
        depths=(1, 1, 2, 1),
    ).eval()
    ours.load_state_dict(in_timms_layout(state))
    assert relative_error(features(ours), of_origin(theirs, 1)) <= 1e-5


@pytest.mark.slow
def test_a_folder_of_transformers_is_given_as_weights(tmp_path: Path) -> None:
    """With `config.json`, and biases, for which the model is timm's twin; to 1e-5."""
    module = pytest.importorskip("transformers")
    sizes = {"hidden_size": 384, "intermediate_size": 1536, "num_attention_heads": 6}
    config = module.DINOv3ViTConfig(
        **sizes, num_register_tokens=4, query_bias=True, value_bias=True
    )
    theirs = module.DINOv3ViTModel(config)
    theirs.load_state_dict(seeded(theirs.state_dict()))
    theirs.eval().save_pretrained(tmp_path)
    assert (tmp_path / "config.json").is_file()
    ours = extractor("timm:vit_small_patch16_dinov3", tmp_path, runtime="torch").extract(IMAGES)
    assert relative_error(ours.reshape(2, -1, 384), of_origin(theirs, 5)) <= 1e-5


def meta_state(model: Any, *, biases: bool) -> dict[str, torch.Tensor]:
    """The tensors of a vision transformer with the names of Meta's release."""
    state = {}
    for name, tensor in model.state_dict().items():
        if name.endswith(("q_bias", "v_bias")):
            continue
        theirs = name.replace("reg_token", "storage_tokens")
        theirs = theirs.replace("gamma_1", "ls1.gamma").replace("gamma_2", "ls2.gamma")
        for ours, letter in (("fc1_g", "w1"), ("fc1_x", "w2")):
            theirs = theirs.replace(f"mlp.{ours}", f"mlp.{letter}")
        if ".mlp.fc1_g." in "".join(model.state_dict()):
            theirs = theirs.replace("mlp.fc2", "mlp.w3")
        state[theirs] = tensor
    for number, block in enumerate(model.blocks):
        zeros = torch.zeros(128)
        parts = [block.attn.q_bias, torch.ones(128), block.attn.v_bias] if biases else [zeros] * 3
        stem = f"blocks.{number}.attn.qkv"
        state[f"{stem}.bias"] = torch.cat([part.detach() for part in parts])
        state[f"{stem}.bias_mask"] = torch.full((384,), torch.nan)
    state["mask_token"] = torch.zeros(1, 128)
    state["rope_embed.periods"] = torch.ones(16, dtype=torch.bfloat16)
    state["local_cls_norm.weight"] = torch.ones(128)
    state["local_cls_norm.bias"] = torch.zeros(128)
    return state


@pytest.mark.parametrize("name", [BIASED, GATED])
def test_metas_layout_is_that_of_timms_own_conversion(name: str) -> None:
    """With masks that are NaN, biases of keys that they mask, and a norm of local crops."""
    from timm.models.eva import checkpoint_filter_fn

    origin = short(name)
    origin.load_state_dict(seeded(origin.state_dict()))
    state = meta_state(origin, biases=True)
    assert layout_of(state) == "meta"
    found, fitted = with_fitting_biases(name, in_timms_layout(state))
    assert found == name
    ours = short(name)
    with contextlib.redirect_stdout(sys.stderr):
        ours.load_state_dict(checkpoint_filter_fn(fitted, ours))
    assert relative_error(features(ours), features(origin)) <= 1e-5


def metas_convnext(state: dict[str, torch.Tensor], depths: Sequence[int]) -> torch.Tensor:
    """The normalised patches of two images by Meta's ConvNeXt, computed from its named tensors.

    Written from the names and order of operations of `dinov3/models/convnext.py` in
    github.com/facebookresearch/dinov3: patches of 4, blocks of a depthwise convolution of 7, a norm
    and two layers of points with GELU between, scaled by gamma and added; norms have an epsilon of
    1e-6. `get_intermediate_layers` applies `norms.3`, which is `norm`, to each patch.
    """
    functional = torch.nn.functional

    def tensors(name: str) -> tuple[torch.Tensor, torch.Tensor]:
        return state[f"{name}.weight"], state[f"{name}.bias"]

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:  # of channels that come last
        weight, bias = tensors(name)
        return functional.layer_norm(x, weight.shape, weight, bias, 1e-6)

    def norm_maps(x: torch.Tensor, name: str) -> torch.Tensor:
        return norm(x.permute(0, 2, 3, 1), name).permute(0, 3, 1, 2)

    x = normalised(IMAGES)
    for stage, depth in enumerate(depths):
        down = f"downsample_layers.{stage}"
        if stage == 0:
            x = functional.conv2d(x, *tensors(f"{down}.0"), stride=4)
            x = norm_maps(x, f"{down}.1")
        else:
            x = functional.conv2d(norm_maps(x, f"{down}.0"), *tensors(f"{down}.1"), stride=2)
        for number in range(depth):
            block = f"stages.{stage}.{number}"
            y = functional.conv2d(x, *tensors(f"{block}.dwconv"), padding=3, groups=x.shape[1])
            y = norm(y.permute(0, 2, 3, 1), f"{block}.norm")
            y = functional.linear(y, *tensors(f"{block}.pwconv1"))
            y = functional.linear(functional.gelu(y), *tensors(f"{block}.pwconv2"))
            x = x + (y * state[f"{block}.gamma"]).permute(0, 3, 1, 2)
    return norm(x.permute(0, 2, 3, 1), "norms.3").flatten(1, 2)


def metas_convnext_state(model: Any) -> dict[str, torch.Tensor]:
    """The tensors of a ConvNeXt of timm with the names of Meta's release."""
    patterns = (
        (r"^stem\.", "downsample_layers.0."),
        (r"^stages\.(\d)\.downsample\.", r"downsample_layers.\1."),
        (r"\.blocks\.", "."),
        ("conv_dw", "dwconv"),
        (r"mlp\.fc", "pwconv"),
        (r"^head\.norm\.", "norm."),
    )
    state = {}
    for ours, tensor in model.state_dict().items():
        name = str(ours)
        for pattern, replacement in patterns:
            name = re.sub(pattern, replacement, name)
        state[name] = tensor
    twice = {name: tensor for name, tensor in state.items() if name.startswith("norm.")}
    return state | {f"norms.3.{name.partition('.')[2]}": t for name, t in twice.items()}


def test_metas_convnext_gives_its_own_features() -> None:
    """To 1e-5: the layout is recognised, and its norm becomes that of timm's head."""
    from timm.models.convnext import checkpoint_filter_fn

    sizes: dict[str, Any] = {"dims": (32, 64, 96, 128), "depths": (1, 1, 2, 1)}
    name = "convnext_tiny.dinov3_lvd1689m"
    shapes = timm.create_model(name, pretrained=False, num_classes=0, **sizes).state_dict()
    origin = timm.create_model(name, pretrained=False, num_classes=0, **sizes)
    origin.load_state_dict(seeded(shapes, 1))
    state = metas_convnext_state(origin)
    assert {"downsample_layers.0.0.weight", "stages.2.1.dwconv.weight", "norms.3.bias"} <= set(
        state
    )
    assert layout_of(state) == "meta"
    ours = timm.create_model(name, pretrained=False, num_classes=0, **sizes).eval()
    ours.load_state_dict(checkpoint_filter_fn(in_timms_layout(state), ours))
    with torch.inference_mode():
        expected = metas_convnext(state, (1, 1, 2, 1)).numpy()
    assert relative_error(features(ours), expected) <= 1e-5


@pytest.mark.slow
def test_a_checkpoint_of_metas_convnext_loads(tmp_path: Path) -> None:
    """From a `.pth`, by the extractor of the whole model."""
    name = "convnext_tiny.dinov3_lvd1689m"
    origin = timm.create_model(name, pretrained=False, num_classes=0).eval()
    origin.load_state_dict(seeded(origin.state_dict(), 1))
    path = tmp_path / "dinov3_convnext_tiny.pth"
    torch.save(metas_convnext_state(origin), path)
    vectors = extractor(f"timm:{name}", path, runtime="torch").extract(IMAGES)
    assert relative_error(vectors.reshape(2, -1, 768), features(origin)) <= ROUNDING


def test_biases_of_zero_are_left_out_and_others_ask_for_the_twin() -> None:
    """No bias is lost in silence."""
    origin = short(BIASED)
    origin.load_state_dict(seeded(origin.state_dict()))
    name, fitted = with_fitting_biases(PLAIN, meta_state(origin, biases=False))
    assert name == PLAIN
    assert not any(key.endswith("qkv.bias") for key in fitted)
    assert with_fitting_biases(PLAIN, meta_state(origin, biases=True))[0] == BIASED
    assert with_fitting_biases(PLAIN, origin.state_dict())[0] == BIASED


def test_the_twin_takes_a_checkpoint_without_biases() -> None:
    """They are zero."""
    plain = short(PLAIN)
    plain.load_state_dict(seeded(plain.state_dict()))
    name, fitted = with_fitting_biases(BIASED, plain.state_dict())
    twin = short(BIASED)
    twin.load_state_dict(fitted)
    assert name == BIASED
    assert relative_error(features(twin), features(plain)) <= 1e-6


def test_biases_of_keys_are_refused() -> None:
    """Timm's models have none, so features would differ."""
    theirs = transformers_vit(gated=False, biases=True).state_dict()
    theirs["model.layer.0.attention.k_proj.bias"] = torch.ones(128)
    with pytest.raises(WeightsError, match="biases of keys"):
        in_timms_layout(theirs)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("encoder.layer.0.attention.attention.query.weight", "DINOv2"),
        ("vision_model.encoder.layers.0.mlp.fc1.weight", "CLIP"),
        ("visual.conv1.weight", "OpenCLIP"),
        ("teacher.backbone.cls_token", "training run"),
        ("keypoint_head.0.layer.0.weight", "XFeat"),
    ],
)
def test_an_error_names_a_layout_that_is_known_but_not_converted(
    tmp_path: Path, name: str, kind: str
) -> None:
    """In one line, with the file."""
    assert layout_of([name]) is None
    assert kind in (foreign_layout([name]) or "")
    path = tmp_path / "other.safetensors"
    save_file({name: torch.zeros(4, 4)}, path)
    with pytest.raises(WeightsError, match=f"other.safetensors has the layout of .*{kind}"):
        extractor("dinov3-small", path)


def test_an_error_says_that_a_layout_is_not_known(tmp_path: Path) -> None:
    """With an example of the names."""
    path = tmp_path / "strange.safetensors"
    save_file({"strange.weight": torch.zeros(4, 4)}, path)
    with pytest.raises(WeightsError, match=r"'strange\.weight'\), in a layout that is not known"):
        extractor("dinov3-small", path)


def test_every_dinov3_of_timm_is_known_with_its_strides_and_colours() -> None:
    """Names, twins and means are those of timm, without a model built; an old timm lacks some."""
    theirs = {
        name
        for name in timm.list_models("*dinov3*", pretrained=True)
        if ".eupe" not in name and "_eupe" not in name
    }
    assert theirs <= set(MODELS)
    for name in theirs:
        model = MODELS[name]
        config = timm.get_pretrained_cfg(name)
        web = config.mean == (0.485, 0.456, 0.406)
        assert (model.training == "lvd1689m") == web
        twin = twin_of(name)
        assert twin is None or twin in theirs
        assert trained_on(name, model.training) == name


@pytest.mark.parametrize("name", [name for name in MODELS if "7b" not in name])
def test_the_strides_of_a_dinov3_are_those_of_its_model(name: str) -> None:
    """Built on the meta device."""
    from mel_debug.builtin.extractors.timm_reader import strides_of

    with torch.device("meta"):
        model = timm.create_model(name, pretrained=False, num_classes=0)
    assert strides_of(model) == MODELS[name].strides
