"""Find the same mole again in the next photo."""

from typing import TYPE_CHECKING

from mel_debug.version import __version__

if TYPE_CHECKING:
    from mel_debug.notebook import (
        compute_cosine_similarities,
        extract_all_patch_features,
        extract_mole_patch_feature,
        load_dinov3_model,
        render_heatmap,
        scale_image_to_fit,
    )

__all__ = [
    "__version__",
    "compute_cosine_similarities",
    "extract_all_patch_features",
    "extract_mole_patch_feature",
    "load_dinov3_model",
    "render_heatmap",
    "scale_image_to_fit",
]


def __getattr__(name: str) -> object:
    """Import the recipe when it is first used: it needs numpy, and its functions torch."""
    if name in __all__:
        from mel_debug import notebook as recipe

        return getattr(recipe, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
