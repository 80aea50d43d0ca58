"""`mel-debug unmark`: remove the mark of a mole from a photo."""

from pathlib import Path

import click

from mel_debug.cli.options import photo_file
from mel_debug.console.terminal import echo_line


@click.command("unmark")
@click.argument("photo", type=photo_file)
@click.argument("uuid", metavar="UUID")
def command(photo: Path, uuid: str) -> None:
    """Remove the mark of a mole from PHOTO.

    UUID is the mole's uuid or a unique prefix of it. To say that a guess is wrong, so that it is
    not made again, use `mel-debug review` instead. `mel-debug undo` brings the mark back.
    """
    from mel_debug.files.marks import find_mole, full_uuid, read_moles
    from mel_debug.marking.changing import edit_marks
    from mel_debug.marking.edits import Remove
    from mel_debug.marking.marks import read_photo_marks
    from mel_debug.marking.runs import Run

    moles = read_moles(photo)
    mole = find_mole(full_uuid(uuid, moles), moles, photo)
    seen = next(mark for mark in read_photo_marks(photo).marks if mark.uuid == mole.uuid)
    edit_marks(Run("unmark"), {photo: [Remove(seen)]})
    x, y = mole.point.pixel
    echo_line(f"removed the mark of {mole.uuid} at ({x}, {y})")
