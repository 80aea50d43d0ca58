"""How often moles are found in changed views of real photos, by kind of view.

    python benchmarks/views.py PHOTO... [--seeds 2] [--case half --case closeup16]

Each view is a warped PHOTO with exact truth (`mel-debug synth --from`), searched from the photo and
back, so that a close-up is the target once and the source once. Spots that were painted out count
as gone.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from default_search import DefaultSearch
from mel_debug.confidence.evidence import WITHIN
from mel_debug.core.geometry import Point
from mel_debug.core.types import Photo
from mel_debug.files.photos import read_photo
from mel_debug.synth import RenderedPhoto, WarpOptions, warped_views
from tables import machine, show

CASES: dict[str, dict[str, Any]] = {
    "mild": {"level": "mild"},
    "medium": {"level": "medium"},
    "strong": {"level": "strong"},
    "third": {"level": "mild", "scale": 0.33},
    "half": {"level": "mild", "scale": 0.5},
    "twice": {"level": "mild", "scale": 2.0},
    "triple": {"level": "mild", "scale": 3.0},
    "closeup4": {"level": "mild", "closeup": 4.0},
    "closeup16": {"level": "mild", "closeup": 16.0},
    **{f"turn{angle}": {"level": "mild", "rotation": float(angle)} for angle in (45, 90, 135, 180)},
    "mirrored": {"level": "mild", "mirrored": True},
}
"""Options of the warps by case."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer for one mole; `error` is a share of the longer side, None if the mole is gone."""

    error: float | None
    accepted: bool

    @property
    def right(self) -> bool:
        return self.error is not None and self.error <= WITHIN


class Search(DefaultSearch):
    """The search for moles of warped photos."""

    def answers(
        self, source: tuple[Photo, RenderedPhoto], target: tuple[Photo, RenderedPhoto]
    ) -> Iterator[Answer]:
        """Search for every mole of the source that is in the target, or is gone from it."""
        truth: dict[str, Point | None] = {
            mole.uuid: Point(mole.x, mole.y) for mole in target[1].moles
        }
        truth |= {mole.uuid: None for mole in target[1].absent}
        marks = {
            mole.uuid: [(source[0], Point(mole.x, mole.y))]
            for mole in source[1].moles
            if mole.uuid in truth
        }
        if not marks:
            return
        located = self.located(marks, target[0])
        for match in located.matches:
            assert match.confidence is not None
            place = truth[match.uuid]
            error = None if place is None else match.best.distance_to(place)
            share = None if error is None else error / target[0].size.longest
            yield Answer(share, not match.confidence.uncertain)


def written(view: RenderedPhoto, folder: Path, name: str) -> tuple[Photo, RenderedPhoto]:
    """Return a view as it is read back from its JPEG, with its mask."""
    path = folder / f"{name}.jpg"
    path.write_bytes(view.jpeg())
    return Photo.of(read_photo(path).pixels, view.mask, name=name), view


def row(name: str, direction: str, answers: Sequence[Answer]) -> list[object]:
    there = [answer for answer in answers if answer.error is not None]
    gone = [answer for answer in answers if answer.error is None]
    accepted = [answer for answer in there if answer.accepted]
    return [
        name,
        direction,
        len(there),
        share(sum(answer.right for answer in there), len(there)),
        share(len(accepted), len(there)),
        sum(not answer.right for answer in accepted),
        len(gone),
        sum(answer.accepted for answer in gone),
    ]


def share(count: int, of: int) -> str:
    return f"{count / of:.3f}" if of else "-"


@click.command()
@click.argument("photos", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--seeds", default=1, help="Views of each photo in each case.")
@click.option("--case", "cases", multiple=True, type=click.Choice(list(CASES)), help="Repeatable.")
@click.option("--megapixels", default=4.0)
@click.option("--absent", default=0.2)
def main(
    photos: tuple[Path, ...], seeds: int, cases: tuple[str, ...], megapixels: float, absent: float
) -> None:
    """Print a table of PCK@0.01, coverage and false accepts by case and direction."""
    click.echo(machine())
    search, rows = Search(), []
    for name in cases or CASES:
        found: dict[str, list[Answer]] = {"photo to view": [], "view to photo": []}
        for path in photos:
            for seed in range(seeds):
                options = WarpOptions(
                    seed=seed, megapixels=megapixels, absent=absent, **CASES[name]
                )
                with tempfile.TemporaryDirectory() as folder:
                    first, second = (
                        written(view.photo, Path(folder), str(number))
                        for number, view in enumerate(warped_views(read_photo(path), (), options))
                    )
                    found["photo to view"] += search.answers(first, second)
                    found["view to photo"] += search.answers(second, first)
        for direction, answers in found.items():
            rows.append(row(name, direction, answers))
            click.echo(" ".join(map(str, rows[-1])), err=True)
    head = ("case", "direction", "queries", "PCK@.01", "coverage", "wrong", "gone", "accepted")
    show("changed views of real photos", head, rows)


if __name__ == "__main__":
    main()
