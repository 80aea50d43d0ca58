"""Find the same mole again in the next photo.

>>> from mel_debug import find_mole
>>> match = find_mole("before.jpg", "6d7268", "after.jpg", extractor="xfeat")  # doctest: +SKIP
>>> match.save("found.jpg")  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mel_debug.version import __version__

if TYPE_CHECKING:
    from mel_debug.api import Blobs, Finder, FoundMole, Settings, find_mole
    from mel_debug.core.errors import MelError, PluginError, UsageError, WeightsError
    from mel_debug.core.mole import Mole
    from mel_debug.notebook import (
        compute_cosine_similarities,
        extract_all_patch_features,
        extract_mole_patch_feature,
        load_dinov3_model,
        render_heatmap,
        scale_image_to_fit,
    )

__all__ = [
    "Blobs",
    "Finder",
    "FoundMole",
    "MelError",
    "Mole",
    "PluginError",
    "Settings",
    "UsageError",
    "WeightsError",
    "__version__",
    "compute_cosine_similarities",
    "extract_all_patch_features",
    "extract_mole_patch_feature",
    "find_mole",
    "load_dinov3_model",
    "render_heatmap",
    "scale_image_to_fit",
]

_LAZY = {
    "mel_debug.api": ("Blobs", "Finder", "FoundMole", "Settings", "find_mole"),
    "mel_debug.core.errors": ("MelError", "PluginError", "UsageError", "WeightsError"),
    "mel_debug.core.mole": ("Mole",),
    "mel_debug.notebook": (
        "compute_cosine_similarities",
        "extract_all_patch_features",
        "extract_mole_patch_feature",
        "load_dinov3_model",
        "render_heatmap",
        "scale_image_to_fit",
    ),
}
"""Names by the module that defines them, imported at first use to keep `import mel_debug` fast."""


def __getattr__(name: str) -> Any:
    for module, names in _LAZY.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
