"""Directives that put the real output of `mel-debug` into a page, so that it cannot go stale.

`{command-help}` is a section for each command, with its `--help`. `{command-output}` is what one
command prints; it must be one that needs no photo and no weights, such as `plugins`.
"""

import shlex
from collections.abc import Iterator
from typing import Any

import click
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

WIDTH = 92


class CommandHelp(Directive):
    """A section for every command of the group `mel-debug`, in the order of its help."""

    def run(self) -> list[nodes.Node]:
        from mel_debug.cli.main import main

        document = self.state.document
        return [_section(document, name, _help(name, command)) for name, command in _commands(main)]


class CommandOutput(Directive):
    """What a command prints; the argument is its command line without `mel-debug`."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        from click.testing import CliRunner

        from mel_debug.cli.main import main

        arguments = shlex.split(self.arguments[0])
        done = CliRunner().invoke(main, arguments, prog_name="mel-debug")
        if done.exit_code != 0:
            raise self.error(f"mel-debug {self.arguments[0]} failed: {done.output}")
        return [_literal(done.stdout)]


def _commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """The group and every command in it, by full name; those of groups inside, too."""
    yield prefix, group
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None, name
            full = f"{prefix} {name}"
            if isinstance(command, click.Group):
                yield from _commands(command, full)
            else:
                yield full, command


def _help(name: str, command: click.Command) -> str:
    settings: dict[str, Any] = {"help_option_names": ["-h", "--help"], "terminal_width": WIDTH}
    with click.Context(command, info_name=name, **settings) as context:
        return command.get_help(context)


def _section(document: nodes.document, name: str, text: str) -> nodes.section:
    section = nodes.section()
    section += nodes.title(text=name)
    section += _literal(text)
    section["names"].append(nodes.fully_normalize_name(name))
    document.note_implicit_target(section, section)
    return section


def _literal(text: str) -> nodes.literal_block:
    return nodes.literal_block(text, text, language="text")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("command-help", CommandHelp)
    app.add_directive("command-output", CommandOutput)
    return {"version": "1", "parallel_read_safe": True}
