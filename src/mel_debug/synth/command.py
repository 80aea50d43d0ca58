"""`mel-debug synth`: generated photos of skin with the exact position of every mole."""

import shlex
from pathlib import Path
from typing import Any

import click

from mel_debug.console.numbers import FiniteRange
from mel_debug.console.terminal import echo_line, show_progress
from mel_debug.synth.cases import CASES


@click.command("synth")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
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
    help="Sessions in which each part is photographed.",
)
@click.option(
    "--moles", type=click.IntRange(min=0), default=12, show_default=True, help="Moles on each part."
)
@click.option(
    "--megapixels",
    type=FiniteRange(0.01, 100),
    default=12.0,
    show_default=True,
    help="Size of each photo.",
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
    help="Share of moles that disappear in a later session; 0.4 times as many appear.",
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
@click.option("--seed", default=7, show_default=True, help="Seed of the generated person.")
def command(folder: Path, *, seed: int, **dials: Any) -> None:
    """Generate photos of skin with moles at known positions.

    Use it to try or evaluate mel-debug without photos of your own. Writes a repository in the
    layout of `mel`: each photo has its moles in PHOTO.json, its mask in PHOTO.mask.png, and in
    PHOTO.absent.json the moles that are absent in that session but would be in view. The same
    options write the same bytes; existing files with other content are not replaced.
    """
    from mel_debug.synth.repository import begin_repository, plan_repository

    planned = plan_repository(folder, seed, **dials)
    begin_repository(folder)
    # Existing photos come first: if they differ, nothing new is written beside them.
    for photo in show_progress(sorted(planned, key=lambda each: not each.exists()), "photos"):
        photo.write()
    echo_line(
        f"Wrote {len(planned)} photos to {folder}; "
        f"try: {shlex.join(['mel-debug', 'evaluate', str(folder)])}"
    )
