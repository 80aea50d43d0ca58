"""The names of built-in stages that the rest of the program chooses by default."""

from typing import Final

DINOV3_SIZE: Final = "base"

AUTO: Final = "auto"
"""Stands for the best extractor whose weights are on this machine."""

PACKAGED_EXTRACTOR: Final = "xfeat"
"""An extractor whose weights install with a package."""

PLAIN_MATCHER: Final = "cosine"
"""The matcher of a run without a preset; it needs no more than features."""

FAST_PRESET: Final = "fast"
"""The preset that is cheap enough to draw one heatmap for each mole."""

ACCURATE_PRESET: Final = "accurate"
"""The preset of a search for one mole by a person, who waits for one answer."""

RENDERER: Final = "heatmap"

REVIEW_RENDERER: Final = "pair"
"""The renderer that shows source and target, so that a person can compare them."""


def dinov3_name(size: str | None = None) -> str:
    """The name of the DINOv3 extractor of a size, such as `small`; None is the default size."""
    return f"dinov3-{size or DINOV3_SIZE}"
