"""Recognising the layout of a checkpoint by the names of its tensors, and renaming them for timm.

The layouts: `timm`; `meta`, of the authors' releases of DINOv3; `transformers`, of Hugging Face.
"""

import re
from collections.abc import Collection, Mapping

import torch

from mel_debug.builtin.extractors.dinov3_models import BIASED, twin_of
from mel_debug.core.errors import WeightsError

State = Mapping[str, torch.Tensor]

_VIT = (
    (r"^embeddings\.cls_token$", "cls_token"),
    (r"^embeddings\.register_tokens$", "reg_token"),
    (r"^embeddings\.patch_embeddings\.", "patch_embed.proj."),
    (r"^layer\.", "blocks."),
    (r"\.attention\.o_proj\.", ".attn.proj."),
    (r"\.attention\.([qkv])_proj\.", r".attn.\1."),
    (r"\.layer_scale([12])\.lambda1$", r".gamma_\1"),
    (r"\.mlp\.gate_proj\.", ".mlp.fc1_g."),
    (r"\.mlp\.down_proj\.", ".mlp.fc2."),
)
"""Patterns of names in transformers' DINOv3 vision transformers, and what replaces them."""

_CONVNEXT = (
    (r"^stages\.0\.downsample_layers\.", "stem."),
    (r"^stages\.(\d+)\.downsample_layers\.", r"stages.\1.downsample."),
    (r"^stages\.(\d+)\.layers\.", r"stages.\1.blocks."),
    (r"\.depthwise_conv\.", ".conv_dw."),
    (r"(blocks\.\d+)\.layer_norm\.", r"\1.norm."),
    (r"\.pointwise_conv([12])\.", r".mlp.fc\1."),
    (r"^layer_norm\.", "head.norm."),
)
"""The same for transformers' DINOv3 ConvNeXt."""

_UNUSED = ("embeddings.mask_token", "rope_embeddings.")
"""Tensors that only training uses, or that are computed."""

FOREIGN = (
    ("Hugging Face transformers' DINOv2 or ViT", ("encoder.layer.", "embeddings.position_emb")),
    ("a CLIP or SigLIP of Hugging Face transformers", ("vision_model.", "text_model.")),
    ("OpenCLIP", ("visual.",)),
    ("a training run of DINO, with teacher and student", ("teacher.", "student.")),
    ("a model of MMSegmentation or MMDetection", ("backbone.", "decode_head.")),
    ("XFeat", ("keypoint_head.", "heatmap_head.")),
)
"""Layouts that are recognised but not converted, by the beginning of their tensors' names."""


def layout_of(names: Collection[str]) -> str | None:
    """The layout of tensors with these names: `timm`, `meta`, `transformers`, or None."""
    bare = {_bare(name) for name in names}
    if "embeddings.register_tokens" in bare or any(
        name.startswith("stages.0.layers.0.depthwise_conv.") for name in bare
    ):
        return "transformers"
    if "storage_tokens" in names or any(name.startswith("downsample_layers.") for name in names):
        return "meta"
    return "timm" if any(name in names for name in ("reg_token", "stem.0.weight")) else None


def foreign_layout(names: Collection[str]) -> str | None:
    """The name of a layout that is known but not converted; None if it is not known."""
    bare = [_bare(name) for name in names]
    return next(
        (kind for kind, starts in FOREIGN if any(name.startswith(starts) for name in bare)),
        None,
    )


def in_timms_layout(state: State) -> dict[str, torch.Tensor]:
    """The tensors with timm's names, converted if they are in the layout of transformers.

    Those of Meta are left to timm's own conversion. Raises WeightsError for biases of keys that
    are not zero, since timm's models have none.
    """
    if layout_of(state) != "transformers":
        return dict(state)
    bare = {_bare(name): tensor for name, tensor in state.items()}
    kept = {name: t for name, t in bare.items() if not name.startswith(_UNUSED)}
    if "layer_norm.weight" in kept:
        return {_renamed(name, _CONVNEXT): tensor for name, tensor in kept.items()}
    is_gated = any(".mlp.gate_proj." in name for name in kept)
    up = (r"\.mlp\.up_proj\.", ".mlp.fc1_x." if is_gated else ".mlp.fc1.")
    return _joined({_renamed(name, (*_VIT, up)): tensor for name, tensor in kept.items()})


def with_fitting_biases(name: str, state: State) -> tuple[str, dict[str, torch.Tensor]]:
    """The model that computes what a DINOv3 checkpoint says about biases, and its tensors.

    A model of timm without biases becomes its twin if the checkpoint has biases that are not zero;
    if they are all zero, they are left out. The twin gets zeros for biases that are missing.
    """
    state = dict(state)
    biases = [key for key in state if re.search(r"\.attn\.(qkv\.bias|[qv]_bias)$", key)]
    twin = twin_of(name)
    if twin is not None and any(_has_bias(key, state[key]) for key in biases):
        return twin, state
    if twin is not None:
        return name, {key: tensor for key, tensor in state.items() if key not in biases}
    if BIASED in name and not biases:
        for key in [key for key in state if key.endswith(".attn.qkv.weight")]:
            zeros = torch.zeros(len(state[key]) // 3, dtype=state[key].dtype)
            stem = key.removesuffix("qkv.weight")
            state |= {f"{stem}q_bias": zeros, f"{stem}v_bias": zeros.clone()}
    return name, state


def _has_bias(key: str, tensor: torch.Tensor) -> bool:
    """Whether a bias is not zero. That of keys is masked in Meta's release and does not count."""
    if key.endswith("qkv.bias"):
        queries, _, values = tensor.chunk(3)
        return bool((queries != 0).any() or (values != 0).any())
    return bool((tensor != 0).any())


def _bare(name: str) -> str:
    """A name without the prefix of the model that contains the backbone."""
    while name.startswith("model."):
        name = name.removeprefix("model.")
    return name


def _renamed(name: str, patterns: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in patterns:
        name = re.sub(pattern, replacement, name)
    return name


def _joined(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Queries, keys and values of each block as one matrix, as timm has them."""
    joined = {}
    for name, tensor in state.items():
        stem, _, part = name.partition(".attn.")
        if part in ("k.weight", "v.weight"):
            continue
        if part == "q.weight":
            parts = [state[f"{stem}.attn.{kind}.weight"] for kind in "qkv"]
            joined[f"{stem}.attn.qkv.weight"] = torch.cat(parts)
        elif part in ("q.bias", "v.bias"):
            joined[f"{stem}.attn.{part[0]}_bias"] = tensor
        elif part == "k.bias":
            if (tensor != 0).any():
                raise WeightsError(
                    "the checkpoint has biases of keys that are not zero, which DINOv3 does not "
                    "have; give weights of DINOv3"
                )
        else:
            joined[name] = tensor
    return joined
