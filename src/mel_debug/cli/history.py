"""`mel-debug history`: one mole through all sessions."""

from pathlib import Path
from typing import Any

import click

from mel_debug.cli.comparing import (
    check_output,
    comparer_from,
    comparing_options,
    new_file,
    page_option,
    print_report,
    write_page,
)
from mel_debug.cli.options import photo_or_folder
from mel_debug.console.progress import show_progress
from mel_debug.console.terminal import echo_line


@click.command("history")
@click.argument("uuid", metavar="UUID")
@click.argument("places", metavar="PHOTO_OR_DIR...", type=photo_or_folder, nargs=-1, required=True)
@click.option(
    "--strip", type=new_file, metavar="PICTURE", help="Draw the aligned crops side by side."
)
@page_option
@click.option(
    "--raw", is_flag=True, help="Leave the exposure and white balance of each crop as they are."
)
@comparing_options
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

    All crops are aligned to the first photo that marks the mole, and shown in its light. Photos
    that do not mark the mole are searched. Where it is not found, the crop shows the place where
    it should be. Diameter, area, elongation, colour and border are given as ratios to the first
    photo, with 95 % intervals.

    The date of a photo is that of its folder (YYYY_MM_DD), else that of its EXIF data, else that
    of its file. In a mel repository only the body parts that mark the mole are shown. The first
    six characters of the uuid are enough.
    """
    from mel_debug.changes import history_report
    from mel_debug.changes.dated_photos import photos_of_mole
    from mel_debug.changes.history import follow
    from mel_debug.core.errors import MelError, naming
    from mel_debug.files.outputs import OutputGuard, check_apart
    from mel_debug.files.pictures import check_picture_path, write_picture

    guard = OutputGuard(places, force)
    check_apart({"strip": strip, "page": page})
    check_output(guard, page, as_json=as_json, as_csv=as_csv)
    if strip is not None:
        guard.check_picture(strip)
        check_picture_path(strip)
    full, dated = photos_of_mole(uuid, places)
    comparer = comparer_from(use_masks=not no_mask, **stages)
    history = follow(full, dated, comparer, show_progress)
    print_report(history_report, history, as_json=as_json, as_csv=as_csv)
    if strip is not None:
        from mel_debug.changes.strip import draw_strip

        write_picture(strip, draw_strip(history_report.pictures(history, raw=raw)), guard=guard)
        echo_line(f"strip: {strip}", err=True)
    if page is not None:
        write_page(page, history_report.page(history, raw=raw))
    failed = [moment for moment in history.moments if moment.problem is not None]
    for moment in failed:
        echo_line(naming(moment.photo, moment.problem or ""), err=True)
    if failed:
        raise MelError(f"{len(failed)} of {len(history.moments)} photos were not compared")
