"""`mel-debug synth`: photo sessions of generated skin, with the exact truth of every mole."""

import shlex
from pathlib import Path

import click

from mel_debug.console.numbers import FiniteRange
from mel_debug.console.terminal import echo_line, show_progress


@click.command("synth")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--photos",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Parts of the body, each with one photo a session.",
)
@click.option(
    "--sessions",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="How often they are photographed.",
)
@click.option(
    "--moles", type=click.IntRange(min=0), default=12, show_default=True, help="On each part."
)
@click.option(
    "--megapixels",
    type=FiniteRange(0.01, 100),
    default=12.0,
    show_default=True,
    help="Of each photo.",
)
@click.option(
    "--difficulty",
    type=FiniteRange(0, 1),
    default=0.5,
    show_default=True,
    help="How much viewpoint, body, light and camera change: 0 not at all, 1 as far as skin can "
    "be told.",
)
@click.option(
    "--absent",
    type=FiniteRange(0, 1),
    default=0.2,
    show_default=True,
    help="Share of the moles that are gone in some session; 0.4 times as many are new.",
)
@click.option("--seed", default=7, show_default=True, help="Another seed, another person.")
def command(folder: Path, *, seed: int, **dials: float) -> None:
    """Make a repository of photos of generated skin, with exact truth, in `mel`'s layout.

    Each photo gets its moles in PHOTO.json, its mask in PHOTO.mask.png, and in PHOTO.absent.json
    the moles that would be in view but are not there on that day. The same options make the same
    bytes; files that are there already and differ are not replaced.
    """
    from mel_debug.synth.repository import begin_repository, plan_repository

    planned = plan_repository(folder, seed, **dials)  # type: ignore[arg-type]
    begin_repository(folder)
    # What is there already comes first: if it differs, nothing new is written beside it.
    for photo in show_progress(sorted(planned, key=lambda each: not each.is_there()), "photos"):
        photo.write()
    echo_line(
        f"Made {len(planned)} photos in {folder}; "
        f"try: {shlex.join(['mel-debug', 'evaluate', str(folder)])}"
    )
