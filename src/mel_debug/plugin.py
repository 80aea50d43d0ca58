"""The interface for plugins: hooks, the three stages, and the values that they exchange."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pluggy

from mel_debug.core.errors import MelError, PluginError, UsageError, WeightsError
from mel_debug.core.option import Option, OptionValue
from mel_debug.core.resolver import ExtractorResolver
from mel_debug.core.stages import (
    ArtifactCache,
    BuildOptions,
    FeatureExtractor,
    MapsPhotos,
    Matcher,
    PhotoMap,
    Preset,
    Renderer,
    ResultCache,
    StageSpec,
)

if TYPE_CHECKING:
    import click

    from mel_debug.core.geometry import Cell, PatchGrid, Point, Size
    from mel_debug.core.images import Colour, Mask, Pixels
    from mel_debug.core.peaks import best_cell, distinct_peaks, peak_at, peak_point
    from mel_debug.core.photo import Photo
    from mel_debug.core.scaling import resized
    from mel_debug.core.types import FeatureMap, Match, Measurement, Query, Vectors, View

__all__ = [
    "ArtifactCache",
    "BuildOptions",
    "Cell",
    "Colour",
    "ExtractorResolver",
    "FeatureExtractor",
    "FeatureMap",
    "MapsPhotos",
    "Mask",
    "Match",
    "Matcher",
    "Measurement",
    "MelError",
    "Option",
    "OptionValue",
    "PatchGrid",
    "Photo",
    "PhotoMap",
    "Pixels",
    "PluginError",
    "Point",
    "Preset",
    "Query",
    "Renderer",
    "ResultCache",
    "Size",
    "StageSpec",
    "UsageError",
    "Vectors",
    "View",
    "WeightsError",
    "best_cell",
    "distinct_peaks",
    "hookimpl",
    "peak_at",
    "peak_point",
    "resized",
]

GROUP = "mel_debug"
"""The entry-point group of plugins, which is also the project name for pluggy."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)
"""Decorator for a plugin's implementation of the hook with the same name."""


@hookspec
def mel_extractors() -> "list[StageSpec[FeatureExtractor]]":  # type: ignore[empty-body]
    """Return the feature extractors of this plugin. Must be fast: import nothing heavy here."""


@hookspec
def mel_extractor_resolvers() -> "list[ExtractorResolver]":  # type: ignore[empty-body]
    """Return the resolvers of this plugin: extractors by names with a prefix, as `timm:NAME`."""


@hookspec
def mel_matchers() -> "list[StageSpec[Matcher]]":  # type: ignore[empty-body]
    """Return the matchers of this plugin."""


@hookspec
def mel_renderers() -> "list[StageSpec[Renderer]]":  # type: ignore[empty-body]
    """Return the renderers of this plugin."""


@hookspec
def mel_presets() -> "list[Preset]":  # type: ignore[empty-body]
    """Return the presets of this plugin: named combinations of a matcher and its options."""


@hookspec
def mel_commands() -> "list[click.Command]":  # type: ignore[empty-body]
    """Return the commands that this plugin adds to `mel-debug`."""


_LAZY = {
    "mel_debug.core.geometry": ("Cell", "PatchGrid", "Point", "Size"),
    "mel_debug.core.images": ("Colour", "Mask", "Pixels"),
    "mel_debug.core.peaks": ("best_cell", "distinct_peaks", "peak_at", "peak_point"),
    "mel_debug.core.photo": ("Photo",),
    "mel_debug.core.scaling": ("resized",),
    "mel_debug.core.types": ("FeatureMap", "Match", "Measurement", "Query", "Vectors", "View"),
}
"""Names by the module that defines them, imported at first use: listing needs no numpy."""


def __getattr__(name: str) -> Any:
    for module, names in _LAZY.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
