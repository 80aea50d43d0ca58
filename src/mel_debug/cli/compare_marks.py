"""`mel-debug compare-marks`: guessed marks compared with true ones."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mel_debug.cli.options import (
    check_one_format,
    csv_option,
    json_option,
    photo_or_folder,
    photos_option,
)
from mel_debug.cli.problems import Problems
from mel_debug.console.numbers import FiniteRange
from mel_debug.core.escape import escaped
from mel_debug.core.tables import aligned

if TYPE_CHECKING:
    from mel_debug.evaluation.compare import ComparedPhoto, Comparison


@click.command("compare-marks")
@click.argument("places", metavar="PHOTO_OR_DIR...", type=photo_or_folder, nargs=-1, required=True)
@click.option(
    "--extra-stem",
    required=True,
    metavar="STEM",
    help="Read the guessed marks from PHOTO.STEM.json; the true marks are in PHOTO.json.",
)
@click.option(
    "--error-distance",
    type=FiniteRange(min=0),
    default=50.0,
    show_default=True,
    metavar="PX",
    help="Largest distance in pixels at which a guess counts as matched.",
)
@photos_option(
    "--reference",
    "Count a mole as missing only if it is canonical in one of these photos: give those that "
    "automark3 had as references. Repeatable.",
    required=False,
    metavar="PHOTO_OR_DIR",
)
@json_option
@csv_option
def command(
    places: tuple[Path, ...],
    *,
    extra_stem: str,
    error_distance: float,
    references: tuple[Path, ...],
    as_json: bool,
    as_csv: bool,
) -> None:
    """Compare guessed marks with the true ones.

    Counts which moles are matched, misplaced, missing and added. The true marks are the canonical
    ones of PHOTO.json. Write the guesses with `mel-debug automark3 --extra-stem STEM`; with
    --min-confidence 0 it guesses every mole, and the table by confidence shows the result of every
    other threshold. Folders are searched recursively for photos that have both files.
    """
    from mel_debug.evaluation.compare import Comparison, compare

    check_one_format(as_json=as_json, as_csv=as_csv)
    guessed, marked = guessed_photos(places, extra_stem), marked_photos(references)
    compared, problems = [], Problems(len({*guessed, *marked}))
    findable = canonical_in(marked, problems) if references else None
    for photo in guessed:
        with problems.of(photo):
            compared.append(compare(photo, extra_stem, error_distance, findable))
    comparison = Comparison(tuple(compared))
    text = comparison.as_csv if as_csv else partial(as_text, comparison)
    click.echo(json.dumps(comparison.as_json()) if as_json else text())
    problems.finish()


def guessed_photos(places: tuple[Path, ...], stem: str) -> list[Path]:
    """Return the given photos, and those in folders that have both files.

    Raises MelError if there are none.
    """
    from mel_debug.core.errors import MelError
    from mel_debug.files.beside import real_path
    from mel_debug.files.discovery import find_photos
    from mel_debug.files.marks import has_marks

    named = {real_path(place) for place in places if not place.is_dir()}
    photos = [
        photo
        for photo in find_photos(places)
        if real_path(photo) in named or (has_marks(photo) and has_marks(photo, stem))
    ]
    if not photos:
        raise MelError(
            f"none of the photos has both PHOTO.json and PHOTO.{stem}.json; "
            f"try mel-debug automark3 --extra-stem {stem} first"
        )
    return photos


def marked_photos(places: tuple[Path, ...]) -> list[Path]:
    """Return the photos under `places` that have marks."""
    from mel_debug.files.discovery import find_photos
    from mel_debug.files.marks import has_marks

    return [photo for photo in find_photos(places) if has_marks(photo)] if places else []


def canonical_in(photos: list[Path], problems: Problems) -> frozenset[str]:
    """Return the uuids that are canonical in at least one of the photos."""
    from mel_debug.files.marks import read_moles

    uuids: set[str] = set()
    for photo in photos:
        with problems.of(photo):
            uuids |= {mole.uuid for mole in read_moles(photo) if mole.is_canonical}
    return frozenset(uuids)


def as_text(comparison: "Comparison") -> str:
    """Return counts per photo, rates, and a table of rates by confidence threshold."""
    rows = [["", "matched", "misplaced", "missing", "added"]]
    rows += [_row(photo) for photo in comparison.photos]
    if len(comparison.photos) > 1:
        kinds = rows[0][1:]
        rows.append(["all", *(str(comparison.count(kind)) for kind in kinds)])
    lines = [
        *aligned(rows),
        "",
        f"recall {_percent(comparison.recall)}, precision {_percent(comparison.precision)}",
        f"AUROC of the confidence {_number(comparison.auroc)}",
    ]
    if any(guess.confidence is not None for guess in comparison.guesses):
        head = ["confidence", "guesses", "precision", "recall", "true positives", "false positives"]
        table = [
            [
                f"{line.confidence:.2f}",
                str(line.guesses),
                *map(_percent, line.rates),
            ]
            for line in comparison.roc()
        ]
        lines += ["", *aligned([head, *table])]
    return "\n".join(lines)


def _row(photo: "ComparedPhoto") -> list[str]:
    kinds = [guess.kind for guess in photo.guesses]
    counts = [kinds.count("matched"), kinds.count("misplaced"), len(photo.missing)]
    return [escaped(str(photo.photo)), *map(str, (*counts, kinds.count("added")))]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
