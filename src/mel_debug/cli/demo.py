"""`mel-debug demo`: a first result on generated photos, without any input."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mel_debug.builtin.defaults import REVIEW_RENDERER
from mel_debug.cli.options import force_option
from mel_debug.console.terminal import echo_line

if TYPE_CHECKING:
    from mel_debug.synth import MolePosition

MEGAPIXELS = 1.5
MOLES = 9
DIFFICULTY = 0.3


@click.command("demo")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", default=7, show_default=True, help="Seed of the generated person.")
@force_option
def command(folder: Path, *, seed: int, force: bool) -> None:
    """Generate two photos and find a mole of one in the other.

    Writes the photos, marks and masks to DIR, runs `mel-debug dino3-map` on them, and prints which
    picture to open. Uses DINOv3 if its weights are on this machine, else XFeat, and downloads
    nothing. The same command writes the same files again; other photos are never replaced.
    """
    from mel_debug.builtin.choosing import choose_extractor
    from mel_debug.cli import dino3_map
    from mel_debug.files.outputs import OutputGuard

    photos = tuple(folder / name for name in ("before.jpg", "after.jpg"))
    OutputGuard(photos, force).check_picture(folder / "found.jpg")

    extractor, reason = choose_extractor()
    mole, truth = make_photos(folder, seed)
    output, target, source = (str(folder / f"{name}.jpg") for name in ("found", "after", "before"))
    arguments = [output, target, mole.uuid, source]
    arguments += ["--extractor", extractor, "--renderer", REVIEW_RENDERER]
    arguments += ["--force"] if force else []
    echo_line(f"Wrote two photos of the same skin to {folder}: before.jpg and after.jpg.")
    echo_line(f"Using {extractor}: {reason}.")
    echo_line(f"Running: {shlex.join(['mel-debug', 'dino3-map', *arguments])}")
    dino3_map.command.main(arguments, standalone_mode=False)
    echo_line(f"The true position is ({truth.x:.1f}, {truth.y:.1f}).")
    echo_line(f"Open {output}: the crosshair marks the mole, the cross the match.")


def make_photos(folder: Path, seed: int) -> tuple["MolePosition", "MolePosition"]:
    """Write the pair and its marks; returns the largest shared mole as marked in each photo.

    The second photo's marks are written to `after.jpg.truth.json`, which searches do not read.
    """
    from mel_debug.files.marks import marks_path
    from mel_debug.synth import plan_pair, render
    from mel_debug.synth.saved import marks_text, photo_files, write_new_files

    body, first, second = plan_pair(
        seed, megapixels=MEGAPIXELS, moles=MOLES, difficulty=DIFFICULTY, absent=0.0
    )
    before, after = render(body, first, 0), render(body, second, 1)
    write_new_files(
        photo_files(folder / "before.jpg", before)
        | photo_files(folder / "after.jpg", after)
        | {
            marks_path(folder / "before.jpg"): marks_text(before.moles),
            marks_path(folder / "after.jpg", "truth"): marks_text(after.moles),
        }
    )
    found = {mole.uuid: mole for mole in after.moles}
    sizes = {mole.uuid: mole.diameter for mole in body.moles}
    shared = [mole for mole in before.moles if mole.uuid in found]
    largest = max(shared, key=lambda mole: sizes[mole.uuid])
    return largest, found[largest.uuid]
