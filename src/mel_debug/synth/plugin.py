"""The plugin that registers the command `synth` through the public hook."""

from typing import TYPE_CHECKING

from mel_debug.plugin import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def mel_commands() -> "list[click.Command]":
    from mel_debug.synth.command import command

    return [command]
