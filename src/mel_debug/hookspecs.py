"""The four hooks of a plugin. Each returns offers and is cheap to call."""

from typing import TYPE_CHECKING

import pluggy

from mel_debug.entries import GROUP

if TYPE_CHECKING:
    import click

    from mel_debug.stages import FeatureExtractor, Matcher, Offer, Renderer

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def mel_extractors() -> "list[Offer[FeatureExtractor]]":  # type: ignore[empty-body]
    """The feature extractors this plugin offers."""


@hookspec
def mel_matchers() -> "list[Offer[Matcher]]":  # type: ignore[empty-body]
    """The matchers this plugin offers."""


@hookspec
def mel_renderers() -> "list[Offer[Renderer]]":  # type: ignore[empty-body]
    """The renderers this plugin offers."""


@hookspec
def mel_commands() -> "list[click.Command]":  # type: ignore[empty-body]
    """The commands this plugin adds to `mel-debug`."""
