"""`mel-debug find`: find a mole of one photo in another."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.builtin.defaults import REVIEW_RENDERER
from mel_debug.cli.choosing import accurate_config
from mel_debug.cli.dino3_map import EXIT_UNCERTAIN, detail_lines, report_of
from mel_debug.cli.options import (
    at_option,
    force_option,
    json_option,
    min_confidence_option,
    no_mask_option,
    page_options,
    photo_file,
)
from mel_debug.cli.places import check_inside
from mel_debug.cli.stage_options import (
    find_options,
)
from mel_debug.console.progress import show_progress
from mel_debug.console.terminal import echo_line

if TYPE_CHECKING:
    from mel_debug.api import FoundMole

ENDING = ".found.jpg"
"""What replaces the suffix of the second photo in the name of the picture."""


@click.command("find")
@click.argument("before", type=photo_file)
@click.argument("after", type=photo_file)
@at_option()
@click.option(
    "--mole",
    metavar="UUID",
    help="A mole that is marked in BEFORE: its uuid, or a unique prefix of it.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="PICTURE",
    help="Picture to write.  [default: beside AFTER, with the ending .found.jpg]",
)
@find_options
@min_confidence_option
@click.option("--strict", is_flag=True, help="Exit with code 3 if the answer is not sure.")
@no_mask_option
@force_option
@click.option("-v", "--verbose", is_flag=True, help="Also print scores and other evidence.")
@page_options
@json_option
def command(
    before: Path,
    after: Path,
    *,
    at: tuple[int, int] | None,
    mole: str | None,
    output: Path | None,
    min_confidence: float,
    strict: bool,
    no_mask: bool,
    force: bool,
    verbose: bool,
    port: int,
    browser: bool,
    read_only: bool,
    as_json: bool,
    **stages: Any,
) -> None:
    """Find a mole of the photo BEFORE in the photo AFTER.

    Without --at or --mole a page opens with both photos, on which you click a mole. With one of
    them the answer is printed, and a picture shows both places. Photos of phones can be used as
    they are.
    """
    from mel_debug.core.errors import UsageError

    if at is not None and mole is not None:
        raise UsageError("--at and --mole both name the mole; give only one of them")
    if at is None and mole is None:
        from mel_debug.cli.paging import show_page

        show_page(
            [before, after],
            accurate_config(renderer=REVIEW_RENDERER, **stages),
            "find",
            port=port,
            browser=browser,
            read_only=read_only,
            use_masks=not no_mask,
        )
        return
    from mel_debug.api import Finder
    from mel_debug.core.geometry import Point
    from mel_debug.files.outputs import OutputGuard
    from mel_debug.files.pictures import check_picture_path

    picture = after.with_name(after.stem + ENDING) if output is None else output
    weights = (stages["weights"],) if stages["weights"] else ()
    guard = OutputGuard((before, after, *weights), force)
    guard.check_picture(picture)
    check_picture_path(picture)
    place = None if at is None else Point.centre_of_pixel(*at)
    if place is not None:
        check_inside(before, place)
    config = accurate_config(renderer=REVIEW_RENDERER, **stages)
    finder = Finder(
        config, min_confidence=min_confidence, use_masks=not no_mask, progress=show_progress
    )
    found = finder.find(before, (mole or "") if place is None else (place.x, place.y), after)
    found.save(picture, guard=guard)
    report = report_of(found, after, picture)
    if as_json:
        echo_line(json.dumps(report))
    else:
        for line in answer_lines(found, report, verbose=verbose):
            echo_line(line)
    if strict and report["uncertain"]:
        raise SystemExit(EXIT_UNCERTAIN)


def answer_lines(found: "FoundMole", report: dict[str, Any], *, verbose: bool) -> list[str]:
    """Return the answer in words, its place, the picture, and with `verbose` all details."""
    from mel_debug.confidence.words import sentence

    sure = found.confidence
    lines = [sentence(sure)]
    if not sure.probably_absent:
        x, y = found.match.best.pixel
        name = Path(report["target"]).name
        lines.append(f"  {name} at {x},{y}, to within {sure.radius_px:.0f} px if right")
    if not sure.calibrated:
        lines.append("  the confidence is a rule of thumb: this extractor has no calibration")
    lines += [f"  {note}" for note in report["notes"]]
    lines.append(f"picture: {report['output']}")
    return [*lines, *(detail_lines(report) if verbose else ())]
