"""`mel-debug moles`: the moles that are marked in photos."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.options import json_option, photo_or_folder
from mel_debug.cli.problems import Problems

if TYPE_CHECKING:
    from mel_debug.core.mole import Mole


@click.command("moles")
@click.argument("places", metavar="PHOTO_OR_DIR...", type=photo_or_folder, nargs=-1, required=True)
@json_option
def command(places: tuple[Path, ...], *, as_json: bool) -> None:
    """List the moles marked in photos.

    Each line has the mole's uuid, its position in pixels, and whether the mark is canonical or
    guessed. Folders are searched recursively for photos with marks.
    """
    from mel_debug.files.beside import real_path
    from mel_debug.files.discovery import find_photos
    from mel_debug.files.marks import has_marks, read_moles

    named = {real_path(place) for place in places if not place.is_dir()}
    photos = [
        photo for photo in find_photos(places) if real_path(photo) in named or has_marks(photo)
    ]
    rows, problems = [], Problems(len(photos))
    for photo in photos:
        with problems.of(photo):
            rows += [row_of(photo, mole) for mole in read_moles(photo)]
    click.echo(json.dumps(rows)) if as_json else print_rows(rows)
    problems.finish()


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Print one line per mole."""
    from mel_debug.core.escape import escaped

    if not rows:
        click.echo("no moles are marked", err=True)
        return
    # One call for all lines: `click.echo` flushes after every call.
    lines = map(_line, rows)
    click.echo("\n".join(line if line.isprintable() else escaped(line) for line in lines))


def _line(row: dict[str, Any]) -> str:
    certainty = "canonical" if row["is_uuid_canonical"] else "guessed"
    return f"{row['uuid']}  {row['x']:>6} {row['y']:>6}  {certainty:9}  {row['photo']}"


def row_of(photo: Path, mole: "Mole") -> dict[str, Any]:
    x, y = mole.point.pixel
    return {
        "photo": str(photo),
        "uuid": mole.uuid,
        "x": x,
        "y": y,
        "is_uuid_canonical": mole.is_canonical,
    }
