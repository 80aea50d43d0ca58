"""The `mel-debug` command: loads subcommands when needed and reports errors on one line."""

import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, NoReturn

import click

from mel_debug.console.terminal import (
    echo_line,
    finish_streams,
    is_from_printing,
    prepare_streams,
    unprintable,
)
from mel_debug.core.errors import (
    OUT_OF_MEMORY,
    TRACEBACK,
    MelError,
    MelWarning,
    Terminated,
    is_out_of_memory,
    kind_and_text,
    warnings_received,
)
from mel_debug.version import __version__

COMMANDS = {
    "automark3": "mel_debug.cli.automark3",
    "cache": "mel_debug.cli.cache",
    "calibrate": "mel_debug.cli.calibrate",
    "changes": "mel_debug.cli.changes",
    "compare-marks": "mel_debug.cli.compare_marks",
    "demo": "mel_debug.cli.demo",
    "dino3-map": "mel_debug.cli.dino3_map",
    "doctor": "mel_debug.cli.doctor",
    "evaluate": "mel_debug.cli.evaluate",
    "explore": "mel_debug.cli.explore",
    "find": "mel_debug.cli.find",
    "history": "mel_debug.cli.history",
    "mark": "mel_debug.cli.mark",
    "moles": "mel_debug.cli.moles",
    "new-plugin": "mel_debug.cli.new_plugin",
    "plugins": "mel_debug.cli.plugins",
    "precalc": "mel_debug.cli.precalc",
    "review": "mel_debug.cli.review",
    "runs": "mel_debug.cli.runs",
    "undo": "mel_debug.cli.undo",
    "unmark": "mel_debug.cli.unmark",
}
"""Modules by command name. Each defines `command` and imports nothing heavy at module level."""

TERMINATED = 143
"""Exit code of a run that was ended by SIGTERM, as a shell reports it: 128 + 15."""


class MelGroup(click.Group):
    """A group of the built-in commands and those of plugins, which reports errors on one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*COMMANDS, *_plugin_commands()])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            command: click.Command = import_module(COMMANDS[cmd_name]).command
            return _named_in_environment(cmd_name, command)
        return _plugin_commands().get(cmd_name)

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run a command and exit: 0 on success, 2 for usage errors, 1 for all other errors."""
        extra["standalone_mode"] = False
        prepare_streams()
        try:
            with _warnings_as_lines():
                code = super().main(*args, **extra)
        except BaseException as error:  # noqa: BLE001 - users get one line, no traceback
            code = _report(error)
        sys.exit(finish_streams(code if isinstance(code, int) else 0))


def _named_in_environment(name: str, command: click.Command) -> click.Command:
    """Name each option's environment variable after its flag; Click uses the parameter's name."""
    for param in command.params:
        option = next((text for text in param.opts if text.startswith("--")), None)
        if option is not None:
            param.envvar = f"MEL_DEBUG_{name}_{option[2:]}".replace("-", "_").upper()
    return command


def _plugin_commands() -> dict[str, click.Command]:
    from mel_debug.plugins.registry import load_registry

    return load_registry().commands


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Print each distinct MelWarning once, as one line on standard error."""
    shown: set[str] = set()

    def show_once(message: str) -> None:
        text = " ".join(message.split())
        if text not in shown:
            shown.add(text)
            echo_line(f"warning: {text}", err=True)

    with warnings.catch_warnings(), warnings_received(show_once):
        show = warnings.showwarning

        def show_line(message: Warning | str, category: type[Warning], *rest: Any) -> None:
            if issubclass(category, MelWarning):
                show_once(str(message))
            else:
                show(message, category, *rest)

        warnings.showwarning = show_line  # type: ignore[assignment] # same parameters
        warnings.simplefilter("always", MelWarning)
        yield


def _report(error: BaseException) -> int:
    """Print an error as one line on standard error and return the exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if os.environ.get(TRACEBACK) == "1":
        raise error
    message, code = _explained(error)
    with suppress(OSError):  # standard error may be what fails
        echo_line(f"Error: {message}", err=True)
    return code


def _explained(error: BaseException) -> tuple[str, int]:
    """Return the message, on one line except for line breaks in file names, and the exit code."""
    code = 1
    match error:
        case MelError():
            message, code = _unfolded(str(error)), error.exit_code
        case click.ClickException():
            message, code = _unfolded(error.format_message()), error.exit_code
        case click.Abort(__cause__=Terminated()) | Terminated():  # Click wraps Terminated in Abort
            message, code = "stopped", TERMINATED
        case click.Abort() | KeyboardInterrupt():
            message = "stopped"
        case OSError() if is_from_printing(error):
            message = unprintable(error)
        case _ if is_out_of_memory(error):
            message = OUT_OF_MEMORY
        case _:
            message = f"{kind_and_text(error)} (set {TRACEBACK}=1 for the traceback)"
    return message, code


def _unfolded(message: str) -> str:
    """Join indented continuation lines, which some libraries write, to the line before."""
    return re.sub(r"\s*\n[ \t]+", " ", message)


def _strict(context: click.Context, _option: click.Parameter, is_strict: bool) -> bool:
    if is_strict and not context.resilient_parsing:
        from mel_debug.plugins.registry import strict_plugins

        context.with_resource(strict_plugins())
    return is_strict


@click.group(
    cls=MelGroup,
    invoke_without_command=True,
    context_settings={
        "auto_envvar_prefix": "MEL_DEBUG",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
)
@click.version_option(__version__, prog_name="mel-debug")
@click.option(
    "--strict-plugins",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_strict,
    help="Fail if an installed plugin cannot be used, instead of skipping it with a warning.",
)
@click.pass_context
def main(context: click.Context) -> None:
    """Find the same mole again in the next photo.

    Marks and masks are files beside each photo, in the format of `mel`: PHOTO.json lists the moles,
    PHOTO.mask.png shows the area to search. Every option can also be set by an environment
    variable, MEL_DEBUG_<COMMAND>_<OPTION>.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
