"""`mel-debug mark`: mark a mole in a photo."""

from pathlib import Path

import click

from mel_debug.cli.options import at_option, photo_file
from mel_debug.console.terminal import echo_line


@click.command("mark")
@click.argument("photo", type=photo_file)
@at_option(required=True)
@click.option(
    "--uuid",
    metavar="UUID",
    help="The mole's uuid, 32 hexadecimal digits: give it if another photo marks this mole "
    "already.  [default: a new one]",
)
def command(photo: Path, *, at: tuple[int, int], uuid: str | None) -> None:
    """Mark a mole in PHOTO and print its uuid.

    The mark is canonical, because a person made it. Give the same mole the same uuid in every
    photo. `mel-debug undo` takes the mark back.
    """
    from mel_debug.cli.places import check_inside
    from mel_debug.core.geometry import Point
    from mel_debug.marking.changing import edit_marks
    from mel_debug.marking.edits import Add
    from mel_debug.marking.runs import Run

    name = checked_uuid(uuid)
    point = Point.centre_of_pixel(*at)
    check_inside(photo, point)
    edit_marks(Run("mark"), {photo: [Add(name, point)]})
    echo_line(name)


def checked_uuid(text: str | None) -> str:
    """Return the uuid in the form of `mel`, or a new one for None. Raises UsageError.

    The start of a uuid is refused: it would name a mole of its own, which no search could join with
    the one that was meant.
    """
    from uuid import UUID, uuid4

    from mel_debug.core.errors import UsageError

    if text is None:
        return uuid4().hex
    try:
        return UUID(text).hex
    except ValueError:
        raise UsageError(
            f"{text!r} is not a uuid of 32 hexadecimal digits; `mel-debug moles` lists those of a "
            "photo in full"
        ) from None
