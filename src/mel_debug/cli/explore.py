"""`mel-debug explore`: the page on some photos, in the browser or as one file."""

from pathlib import Path
from typing import Any

import click

from mel_debug.cli.choosing import accurate_config
from mel_debug.cli.comparing import check_page
from mel_debug.cli.options import (
    force_option,
    no_mask_option,
    page_options,
    photo_or_folder,
)
from mel_debug.cli.stage_options import accurate_options
from mel_debug.console.terminal import echo_line


@click.command("explore")
@click.argument("photos", metavar="PHOTO_OR_DIR...", type=photo_or_folder, nargs=-1, required=True)
@page_options
@click.option(
    "--exit-with-page", is_flag=True, help="End a few seconds after the last page is closed."
)
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.html",
    help="Write one file that shows the photos without a server or a network, and end.",
)
@force_option
@accurate_options
@no_mask_option
def command(
    photos: tuple[Path, ...],
    *,
    port: int,
    browser: bool,
    read_only: bool,
    exit_with_page: bool,
    save: Path | None,
    force: bool,
    no_mask: bool,
    **stages: Any,
) -> None:
    """Look at photos, find moles and review marks in the browser.

    Serves a page on this machine only and prints its address. The page shows two photos side by
    side: click a mole in the left one to find it in the right one. Press ? on the page for its
    keys, and Ctrl-C here to stop.
    """
    from mel_debug.files.discovery import find_photos
    from mel_debug.files.outputs import OutputGuard
    from mel_debug.page import open_page, save_page

    guard = OutputGuard(photos, force)
    if save is not None:
        check_page(guard, save)
    config = accurate_config(**stages)
    found = find_photos(photos)
    if save is not None:
        save_page(found, save, settings=config, guard=guard, use_masks=not no_mask)
        echo_line(f"page: {save}")
        return
    open_page(
        found,
        settings=config,
        mode="explore",
        port=port,
        browser=browser,
        read_only=read_only,
        exit_with_page=exit_with_page,
        use_masks=not no_mask,
    )
