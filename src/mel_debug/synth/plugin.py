"""Offers the command `synth` through the hook that any plugin uses."""

from typing import TYPE_CHECKING

from mel_debug.plugin import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def mel_commands() -> "list[click.Command]":
    from mel_debug.synth.command import command

    return [command]
