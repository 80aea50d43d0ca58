"""`mel-debug changes`: what is gone, new or changed between two sessions."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.comparing import (
    check_output,
    comparer_from,
    comparing_options,
    page_option,
    print_report,
    write_page,
)
from mel_debug.cli.lists import ListCommand
from mel_debug.cli.options import photos_option
from mel_debug.console.numbers import FiniteRange, Length
from mel_debug.console.progress import show_progress
from mel_debug.console.terminal import echo_line

if TYPE_CHECKING:
    from mel_debug.changes.places import Changes


@click.command("changes", cls=ListCommand)
@photos_option("--reference", "Photos of the earlier session, or its folders.")
@photos_option("--target", "Photos of the later session, or its folders.")
@click.option(
    "--min-size",
    type=Length(),
    default="8px",
    show_default=True,
    metavar="SIZE",
    help="Least diameter of a new spot, in pixels of its photo, or in millimetres, as in 2mm.",
)
@click.option(
    "--pixels-per-mm",
    type=FiniteRange(min=0, min_open=True),
    metavar="NUMBER",
    help="Scale of the target's photos at the skin, for a size in millimetres, for example from a "
    "ruler in the photo. No file says it.",
)
@click.option(
    "--mark-new",
    is_flag=True,
    help="Mark new spots in the targets, not as canonical and with a confidence. Without this "
    "option no marks are written.",
)
@page_option
@comparing_options
def command(
    references: tuple[Path, ...],
    targets: tuple[Path, ...],
    *,
    min_size: tuple[float, str],
    pixels_per_mm: float | None,
    mark_new: bool,
    page: Path | None,
    no_mask: bool,
    force: bool,
    as_json: bool,
    as_csv: bool,
    **stages: Any,
) -> None:
    """List what is gone, new or changed between two sessions.

    A mole of the reference is gone if its place in the target is in view and bare. A spot of the
    target is new if the reference shows its place sharply enough, and no spot there. A mole has
    changed if a measure differs by more than its error. Where it cannot tell, the list says why:
    out of view, glare, blur, or photos that do not fit together there. The least sure come first.

    It shows and measures; it does not judge moles. In a mel repository, photos of the same body
    part are compared.
    """
    from mel_debug.changes import changes_report
    from mel_debug.changes.pairs import Rules
    from mel_debug.changes.sessions import compare_sessions, plan_pairs
    from mel_debug.core.errors import MelError, naming
    from mel_debug.files.append_marks import check_appendable
    from mel_debug.files.outputs import OutputGuard

    least_px = in_pixels(min_size, pixels_per_mm)
    guard = OutputGuard((*references, *targets), force)
    check_output(guard, page, as_json=as_json, as_csv=as_csv)
    pairs = plan_pairs(references, targets)
    for target in dict.fromkeys(target for _, target in pairs) if mark_new else ():
        check_appendable(target)
    comparer = comparer_from(use_masks=not no_mask, **stages)
    found = compare_sessions(pairs, comparer, Rules(least_px), tick=show_progress)
    print_report(changes_report, found, as_json=as_json, as_csv=as_csv)
    if page is not None:
        write_page(page, changes_report.page(found, comparer))
    if mark_new:
        mark(found)
    for photo, reason in found.problems.items():
        echo_line(naming(photo, reason), err=True)
    if found.problems:
        raise MelError(f"{len(found.problems)} photos could not be compared completely")


def in_pixels(size: tuple[float, str], pixels_per_mm: float | None) -> float:
    """A size in pixels. Raises UsageError for one in millimetres without a scale."""
    from mel_debug.core.errors import UsageError

    number, unit = size
    if unit == "px":
        return number
    if pixels_per_mm is None:
        raise UsageError(
            "a size in millimetres needs the photos' scale, which no file has; measure a ruler or "
            "a coin in a photo and give `pixels_per_mm`, or give the size in pixels"
        )
    return number * pixels_per_mm


def mark(changes: "Changes") -> None:
    """Mark the new spots that have no mark yet, and say how many."""
    from uuid import uuid4

    from mel_debug.changes.places import Kind
    from mel_debug.changes.spot_changes import SAME_PLACE
    from mel_debug.files.append_marks import NewMark, append_marks

    spots: dict[Path, list[NewMark]] = {}
    apart: dict[Path, float] = {}
    for place in changes.of(Kind.NEW):
        if place.uuid is None and place.confidence is not None:
            marks = spots.setdefault(place.photo, [])
            marks.append(NewMark(uuid4().hex, place.here, place.confidence))
            apart[place.photo] = SAME_PLACE * place.diameter_px
    for photo, marks in spots.items():
        done = append_marks(photo, marks, apart_px=apart[photo])
        echo_line(f"{photo}: marked {len(done.written)} new spots", err=True)
