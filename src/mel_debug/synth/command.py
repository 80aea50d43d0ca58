"""`mel-debug synth`: generated or warped photos with the exact position of every mole."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.console.numbers import FiniteRange
from mel_debug.console.progress import show_progress
from mel_debug.console.terminal import echo_line
from mel_debug.synth.cases import CASES

if TYPE_CHECKING:
    from mel_debug.synth.from_photos import PlannedViews
    from mel_debug.synth.repository import PlannedPhoto

GENERATED_ONLY = {
    "photos": "--photos",
    "difficulty": "--difficulty",
    "hard": "--hard",
    "cases": "--case",
    "changing": "--changing",
}
"""Options that --from excludes, by parameter."""

WARPED_ONLY = {name: f"--{name}" for name in ("level", "rotation", "scale", "closeup", "mirrored")}
"""Options that need --from, by parameter."""


@click.command("synth")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--from",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    metavar="PHOTO",
    help="Warp this photo instead of generating a person. Repeatable.",
)
@click.option(
    "--photos",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Parts of the body; each has one photo per session.",
)
@click.option(
    "--sessions",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Sessions in which each part is photographed. With --from, the first is the photo itself.",
)
@click.option(
    "--moles",
    type=click.IntRange(min=0),
    default=12,
    show_default="12, or 30 with --from",
    help="Moles on each part. With --from, its marks and then dark spots until there are as many.",
)
@click.option(
    "--megapixels",
    type=FiniteRange(0.01, 100),
    default=12.0,
    show_default=True,
    help="Size of each photo. With --from, larger photos are scaled down.",
)
@click.option(
    "--difficulty",
    type=FiniteRange(0, 1),
    default=0.5,
    show_default=True,
    help="How much viewpoint, body, light and camera change between sessions, from 0 (not at all) "
    "to 1 (skin is hardly recognisable).",
)
@click.option(
    "--absent",
    type=FiniteRange(0, 1),
    default=0.2,
    show_default=True,
    help="Share of moles that disappear in a later session; 0.4 times as many appear. With --from, "
    "that share of the spots is painted out.",
)
@click.option(
    "--hard",
    is_flag=True,
    help="Draw what makes real photos difficult: moving shadows, glare, grazing views, close-ups, "
    "freckles, hair. Some moles are then out of view in a session.",
)
@click.option(
    "--case",
    "cases",
    metavar="NAME",
    type=click.Choice(list(CASES)),
    multiple=True,
    help=f"Give a part this difficulty, with or without --hard: {', '.join(CASES)}. "
    "Repeat it to give the parts several in turn.",
)
@click.option(
    "--changing",
    is_flag=True,
    help="Change half the moles between sessions (larger, paler, darker or of another shape), and "
    "the skin around them: freckles, pimples, bites, scratches, hair, tan. PHOTO.truth.json has "
    "the size, pigment and shape of each mole.",
)
@click.option(
    "--seed", default=7, show_default=True, help="Seed of the generated person, or of the warps."
)
@click.option(
    "--level",
    type=click.Choice(["mild", "medium", "strong"]),
    default="medium",
    show_default=True,
    help="With --from: how much view, body, light and camera change between sessions.",
)
@click.option(
    "--rotation",
    type=FiniteRange(-360, 360),
    metavar="DEGREES",
    help="With --from: turn later sessions clockwise by DEGREES.  [default: random, by level]",
)
@click.option(
    "--scale",
    type=FiniteRange(0.25, 4),
    metavar="F",
    help="With --from: show the body F times as large in later sessions.  [default: random, by "
    "level]",
)
@click.option(
    "--closeup",
    type=FiniteRange(1, 64),
    default=1.0,
    show_default=True,
    metavar="N",
    help="With --from: later sessions show 1/N of the area, at the photo's full resolution.",
)
@click.option(
    "--mirrored",
    is_flag=True,
    help="With --from: later sessions are mirrored, so that every mole is absent in them.",
)
@click.pass_context
def command(context: click.Context, /, folder: Path, **dials: Any) -> None:
    """Generate photos of skin with known moles, or warp your own.

    Use it to try or evaluate mel-debug. Writes a repository in the layout of `mel`: each photo has
    its moles in PHOTO.json, its mask in PHOTO.mask.png, and in PHOTO.absent.json the moles that are
    absent in that session but would be in view. The same options write the same bytes; existing
    files with other content are not replaced.

    With --from, each PHOTO becomes the first session of a part, and its later sessions are warped
    versions of it: turned, scaled, seen at an angle and bent, in another light, blurred and noisy.
    Its moles are the marks in PHOTO.json and the most distinct dark spots.
    """
    from mel_debug.synth.repository import begin_repository

    sources = dials.pop("from")  # a keyword, which can't be the name of a parameter
    given = {name for name in dials if _is_given(context, name)}
    planned = _plan(folder, sources, given, dials)
    begin_repository(folder)
    # Existing photos come first: if they differ, nothing new is written beside them.
    ordered = sorted(planned, key=lambda each: not each.exists())
    count = sum(part.count for part in planned)
    for part in show_progress(ordered, "writing", count, "photos", lambda part: part.count):
        part.write()
    echo_line(
        f"Wrote {count} photos to {folder}; "
        f"try: {shlex.join(['mel-debug', 'evaluate', str(folder)])}"
    )


def _plan(
    folder: Path, sources: tuple[Path, ...], given: set[str], dials: dict[str, Any]
) -> "Sequence[PlannedPhoto | PlannedViews]":
    """Return what to write. Raises UsageError for options that do not apply."""
    from mel_debug.synth.from_photos import plan_from_photos
    from mel_debug.synth.levels import WarpOptions
    from mel_debug.synth.repository import plan_repository

    for name, option in (GENERATED_ONLY if sources else WARPED_ONLY).items():
        if name in given:
            reason = "can't be combined with --from" if sources else "can only be used with --from"
            raise click.UsageError(f"{option} {reason}.")
    unfit = WARPED_ONLY if not sources else (*GENERATED_ONLY, "moles")
    fit = {name: value for name, value in dials.items() if name not in unfit}
    if not sources:
        return plan_repository(folder, **fit)
    if "moles" in given:
        fit["spots"] = dials["moles"]
    try:
        options = WarpOptions(**fit)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error
    return plan_from_photos(folder, sources, options)


def _is_given(context: click.Context, name: str) -> bool:
    """Return whether an option was set on the command line or in the environment."""
    return context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
