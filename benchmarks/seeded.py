"""DINOv3 with seeded random weights, for timm, transformers and mel-debug alike.

How fast a model is does not depend on what its weights say; the real ones are not needed here.
"""

from pathlib import Path
from typing import Any

import timm
import torch

from mel_debug.builtin.extractors.dinov3_sizes import SIZES

GAINS = ("norm.weight", "norm1.weight", "norm2.weight", "gamma_1", "gamma_2")
GAINS_OF_CONVNEXT = (".gamma", "stem.1.weight", "downsample.0.weight")
"""Ends of the names of weights that scale features, and so are drawn around 0.5."""


def make_weights(size: str, path: Path) -> None:
    """Write a checkpoint of a DINOv3 in which every weight affects the output.

    `size` is one of `SIZES` or a name of timm.
    """
    from safetensors.torch import save_file

    name = SIZES[size].timm_name if size in SIZES else size
    with torch.device("meta"):
        model = timm.create_model(name, pretrained=False, num_classes=0)
    torch.manual_seed(0)
    state = {key: 0.05 * torch.randn(value.shape) for key, value in model.state_dict().items()}
    gains = GAINS + GAINS_OF_CONVNEXT if name.startswith("convnext") else GAINS
    for key in state:
        if key.endswith(gains):
            state[key] += 0.5
    save_file(state, path)


def plain_timm(size: str, weights: Path) -> Any:
    """The model as timm's documentation loads a local file."""
    overlay = {"file": str(weights)}
    model = timm.create_model(
        SIZES[size].timm_name, pretrained=True, num_classes=0, pretrained_cfg_overlay=overlay
    )
    return model.eval().requires_grad_(False)


_RENAMED = {
    "cls_token": "embeddings.cls_token",
    "reg_token": "embeddings.register_tokens",
    "patch_embed.proj.": "embeddings.patch_embeddings.",
    "attn.proj.": "attention.o_proj.",
    "gamma_1": "layer_scale1.lambda1",
    "gamma_2": "layer_scale2.lambda1",
    "mlp.fc1.": "mlp.up_proj.",
    "mlp.fc2.": "mlp.down_proj.",
}


def transformers_model(timms: Any) -> Any:
    """Hugging Face transformers' DINOv3 with the weights of one of timm's (plain MLPs only)."""
    from transformers import DINOv3ViTConfig, DINOv3ViTModel

    block = timms.blocks[0]
    model: Any = DINOv3ViTModel(
        DINOv3ViTConfig(
            hidden_size=timms.embed_dim,
            intermediate_size=block.mlp.fc1.out_features,
            num_hidden_layers=len(timms.blocks),
            num_attention_heads=block.attn.num_heads,
            num_register_tokens=timms.reg_token.shape[1],
            query_bias=False,
            value_bias=False,
        )
    )
    there = model.state_dict()
    layers = next(name for name in there if name.endswith("layer.0.norm1.weight"))
    prefix = layers.removesuffix("0.norm1.weight")
    state = {name: tensor for name, tensor in there.items() if "mask_token" in name}
    for name, tensor in timms.state_dict().items():
        new = name
        for old, theirs in _RENAMED.items():
            new = new.replace(old, theirs)
        new = new.replace("blocks.", prefix)
        if "attn.qkv" in new:
            for part, third in zip("qkv", tensor.chunk(3), strict=True):
                state[new.replace("attn.qkv", f"attention.{part}_proj")] = third
        else:
            state[new] = tensor
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)
