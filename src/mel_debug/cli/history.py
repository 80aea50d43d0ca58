"""`mel-debug history`: one mole through all sessions."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.choosing import accurate_config
from mel_debug.cli.options import (
    extractor_options,
    force_option,
    json_option,
    matcher_options,
    no_mask_option,
    photo_or_folder,
)
from mel_debug.console.progress import show_progress
from mel_debug.console.terminal import echo_line

if TYPE_CHECKING:
    from mel_debug.changes.comparer import Comparer
    from mel_debug.plugins.config import RunConfig

new_file = click.Path(dir_okay=False, path_type=Path)


@click.command("history")
@click.argument("uuid", metavar="UUID")
@click.argument("places", metavar="PHOTO_OR_DIR...", type=photo_or_folder, nargs=-1, required=True)
@click.option(
    "--strip", type=new_file, metavar="PICTURE", help="Draw the aligned crops side by side."
)
@click.option(
    "--page",
    type=new_file,
    metavar="FILE.html",
    help="Write a page with a blink comparator, in one file.",
)
@click.option(
    "--raw", is_flag=True, help="Leave exposure and white balance of the crops as they are."
)
@extractor_options
@matcher_options
@no_mask_option
@force_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values, unrounded.")
def command(
    uuid: str,
    places: tuple[Path, ...],
    *,
    strip: Path | None,
    page: Path | None,
    raw: bool,
    no_mask: bool,
    force: bool,
    as_json: bool,
    as_csv: bool,
    **stages: Any,
) -> None:
    """Show one mole through all sessions, oldest first.

    Each photo's crop has the same centre, turn and size as in the first photo that marks the mole,
    and its skin the same light. Photos that do not mark the mole are searched. Where it is not
    found, the place where it should be is shown. Diameter, area, elongation, colour and border are
    given as ratios to the first photo, with 95 % intervals.

    A photo's date is that of its folder (YYYY_MM_DD), else of its EXIF, else of its file. In a mel
    repository only the body parts that mark the mole are shown. The first six characters of the
    uuid are enough.

    Without --extractor it uses DINOv3 if its weights are on this machine, else XFeat.
    """
    from mel_debug.changes import history_report
    from mel_debug.changes.history import follow, photos_of_mole
    from mel_debug.core.errors import MelError, UsageError
    from mel_debug.files.outputs import OutputGuard, check_apart
    from mel_debug.files.pictures import check_picture_path, write_picture

    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other; use one of them")
    guard = OutputGuard(places, force)
    check_apart({"strip": strip, "page": page})
    if strip is not None:
        guard.check_picture(strip)
        check_picture_path(strip)
    if page is not None:
        check_page(guard, page)
    full, dated = photos_of_mole(uuid, places)
    comparer = comparer_of(accurate_config(**stages), use_masks=not no_mask)
    history = follow(full, dated, comparer, show_progress)
    print_as(history_report, history, as_json=as_json, as_csv=as_csv)
    if strip is not None:
        from mel_debug.changes.strip import draw_strip

        write_picture(strip, draw_strip(history_report.pictures(history, raw=raw)), guard=guard)
        echo_line(f"strip: {strip}", err=True)
    if page is not None:
        write_html(page, history_report.page(history, raw=raw))
    failed = [moment for moment in history.moments if moment.problem is not None]
    for moment in failed:
        echo_line(f"{moment.photo}: {moment.problem}", err=True)
    if failed:
        raise MelError(f"{len(failed)} of {len(history.moments)} photos were not compared")


def print_as(report: Any, found: Any, *, as_json: bool, as_csv: bool) -> None:
    """Print what was found as JSON, as comma-separated values or as lines of text.

    `report` is the module with `as_json`, `rows` and `lines` of it.
    """
    if as_json:
        click.echo(json.dumps(report.as_json(found)))
    elif as_csv:
        click.echo(csv_text(report.rows(found)))
    else:
        for line in report.lines(found):
            echo_line(line)


def comparer_of(config: "RunConfig", *, use_masks: bool) -> "Comparer":
    """Build the stages. Raises like `Comparer.of`."""
    from mel_debug.changes.comparer import Comparer
    from mel_debug.plugins.config import resolve

    return Comparer.of(resolve(config), use_masks=use_masks)


def check_page(guard: Any, page: Path) -> None:
    """Raise UsageError or MelError for a page that could not be written after the search."""
    from mel_debug.core.errors import UsageError
    from mel_debug.files.atomic import check_writable

    if page.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{page}: a page ends in .html")
    guard.check_page(page)
    check_writable(page)


def write_html(page: Path, html: str) -> None:
    """Write a page as a whole, and say where."""
    from mel_debug.files.atomic import write_atomically

    write_atomically(page, html.encode())
    echo_line(f"open {page}", err=True)


def csv_text(rows: list[list[str]]) -> str:
    """Comma-separated values without a final newline."""
    import csv
    import io

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().rstrip("\n")
