"""`mel-debug review`: accept or reject the marks that were guessed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.options import (
    json_option,
    page_options,
    photo_or_folder,
)
from mel_debug.cli.problems import Problems
from mel_debug.cli.stage_options import (
    find_options,
)
from mel_debug.console.numbers import FiniteRange
from mel_debug.console.terminal import echo_line

if TYPE_CHECKING:
    from mel_debug.marking.reviewing import Reviewed


@click.command("review")
@click.argument("places", metavar="SESSION...", type=photo_or_folder, nargs=-1, required=True)
@click.option(
    "--accept-above",
    type=FiniteRange(0, 1),
    metavar="P",
    help="Accept every guess whose confidence is at least P, without the page.",
)
@click.option(
    "--reject-below",
    type=FiniteRange(0, 1),
    metavar="P",
    help="Reject every guess whose confidence is below P, without the page.",
)
@page_options
@find_options
@json_option
def command(
    places: tuple[Path, ...],
    *,
    accept_above: float | None,
    reject_below: float | None,
    port: int,
    browser: bool,
    read_only: bool,
    as_json: bool,
    **stages: Any,
) -> None:
    """Accept or reject guessed marks.

    Guesses are marks made by a program, such as those of `mel-debug automark3`. Opens a page with
    the guesses in these photos and folders, the least sure first. With --accept-above or
    --reject-below there is no page.

    Accepted marks become canonical, so that the next session can start from them. Rejected ones
    move to PHOTO.rejected.json, and `mel-debug automark3` does not make them again. All others stay
    as they are. `mel-debug undo` takes a review back.
    """
    from mel_debug.files.discovery import find_photos

    photos = find_photos(places)
    if accept_above is None and reject_below is None:
        from mel_debug.cli.choosing import accurate_config
        from mel_debug.cli.paging import show_page

        config = accurate_config(**stages)
        show_page(photos, config, "review", port=port, browser=browser, read_only=read_only)
        return
    review_by_confidence(photos, accept_above, reject_below, as_json=as_json)


def review_by_confidence(
    photos: list[Path], accept_above: float | None, reject_below: float | None, *, as_json: bool
) -> None:
    """Review every photo and print what was done."""
    from mel_debug.cli.undo import say_number
    from mel_debug.marking.reviewing import Thresholds, review_photo
    from mel_debug.marking.runs import Run

    thresholds, run = Thresholds(accept_above, reject_below), Run("review")
    results, problems = [], Problems(len(photos))
    for photo in photos:
        with problems.of(photo):
            results.append(review_photo(run, photo, thresholds))
    shown = [each for each in results if each.accepted or each.rejected or each.left]
    if as_json:
        click.echo(json.dumps({"run": run.number, "photos": [_row(each) for each in shown]}))
    elif shown:
        click.echo(_table(shown))
    else:
        echo_line("no mark is a guess: there is nothing to review", err=True)
    say_number(run)
    problems.finish()


def _table(results: "list[Reviewed]") -> str:
    from mel_debug.core.escape import escaped
    from mel_debug.core.tables import aligned

    rows = [[escaped(str(each.photo)), *map(str, _counts(each).values())] for each in results]
    head = ["", *_counts(results[0])]
    if len(results) > 1:
        sums = [sum(counts) for counts in zip(*(_counts(r).values() for r in results), strict=True)]
        rows.append(["all", *map(str, sums)])
    return "\n".join(aligned([head, *rows]))


def _counts(result: "Reviewed") -> dict[str, int]:
    return {
        "accepted": len(result.accepted),
        "rejected": len(result.rejected),
        "left": len(result.left),
    }


def _row(result: "Reviewed") -> dict[str, object]:
    return {
        "photo": str(result.photo),
        "accepted": [mark.uuid for mark in result.accepted],
        "rejected": [mark.uuid for mark in result.rejected],
        "left": [mark.uuid for mark in result.left],
    }
