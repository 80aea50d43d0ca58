"""What `history` and `changes` share: their options, and how they compare and write."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.choosing import accurate_config
from mel_debug.cli.options import (
    Command,
    check_one_format,
    csv_option,
    force_option,
    json_option,
    no_mask_option,
    with_options,
)
from mel_debug.cli.stage_options import accurate_options
from mel_debug.console.terminal import echo_line

if TYPE_CHECKING:
    from mel_debug.changes.comparer import Comparer
    from mel_debug.files.outputs import OutputGuard

new_file = click.Path(dir_okay=False, path_type=Path)

page_option = click.option(
    "--page",
    type=new_file,
    metavar="FILE.html",
    help="Write a page with a blink comparator, in one file.",
)


def comparing_options(command: Command) -> Command:
    """Add the options for the stages, for masks and for the form of the output."""
    last = (no_mask_option, force_option, json_option, csv_option)
    return with_options((accurate_options, *last), command)


def comparer_from(*, use_masks: bool, **stages: Any) -> "Comparer":
    """Build the stages. Raises UsageError for wrong options, and like `Comparer.of`."""
    from mel_debug.changes.comparer import Comparer
    from mel_debug.plugins.config import resolve

    return Comparer.of(resolve(accurate_config(**stages)), use_masks=use_masks)


def check_output(guard: "OutputGuard", page: Path | None, *, as_json: bool, as_csv: bool) -> None:
    """Raise UsageError or MelError for output that could not be written after the search."""
    check_one_format(as_json=as_json, as_csv=as_csv)
    if page is not None:
        check_page(guard, page)


def check_page(guard: "OutputGuard", page: Path) -> None:
    """Raise UsageError or MelError for a page that could not be written after the search."""
    from mel_debug.core.errors import UsageError
    from mel_debug.files.atomic import check_writable

    if page.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{page}: a page ends in .html")
    guard.check_page(page)
    check_writable(page)


def print_report(report: Any, found: Any, *, as_json: bool, as_csv: bool) -> None:
    """Print what was found as JSON, as comma-separated values or as lines of text.

    `report` is the module with `as_json`, `as_csv` and `lines` of it.
    """
    if as_json:
        click.echo(json.dumps(report.as_json(found)))
    elif as_csv:
        click.echo(report.as_csv(found))
    else:
        for line in report.lines(found):
            echo_line(line)


def write_page(page: Path, html: str) -> None:
    """Write a page as a whole, and print where it is."""
    from mel_debug.files.atomic import write_atomically

    write_atomically(page, html.encode())
    echo_line(f"open {page}", err=True)
