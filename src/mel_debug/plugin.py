"""The four hooks of a plugin. Each returns offers and is cheap to call."""

from typing import TYPE_CHECKING

import pluggy

from mel_debug.plugins.entry_points import GROUP

if TYPE_CHECKING:
    import click

    from mel_debug.core.stages import FeatureExtractor, Matcher, Renderer, StageSpec

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def mel_extractors() -> "list[StageSpec[FeatureExtractor]]":  # type: ignore[empty-body]
    """The feature extractors this plugin offers."""


@hookspec
def mel_matchers() -> "list[StageSpec[Matcher]]":  # type: ignore[empty-body]
    """The matchers this plugin offers."""


@hookspec
def mel_renderers() -> "list[StageSpec[Renderer]]":  # type: ignore[empty-body]
    """The renderers this plugin offers."""


@hookspec
def mel_commands() -> "list[click.Command]":  # type: ignore[empty-body]
    """The commands this plugin adds to `mel-debug`."""
