"""The published DINOv3 models."""

from dataclasses import dataclass

PATCH = 16


@dataclass(frozen=True, slots=True)
class Dinov3Size:
    """One DINOv3 model: its name in timm and the length of its patch vectors."""

    timm_name: str
    dimensions: int


SIZES = {
    "small": Dinov3Size("vit_small_patch16_dinov3.lvd1689m", 384),
    "base": Dinov3Size("vit_base_patch16_dinov3.lvd1689m", 768),
    "large": Dinov3Size("vit_large_patch16_dinov3.lvd1689m", 1024),
    "huge": Dinov3Size("vit_huge_plus_patch16_dinov3.lvd1689m", 1280),
    "7b": Dinov3Size("vit_7b_patch16_dinov3.lvd1689m", 4096),
}
"""The DINOv3 vision transformers trained on LVD-1689M (Simeoni et al. 2025, arXiv 2508.10104)."""
