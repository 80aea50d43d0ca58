"""A page of example queries: the answers of all configurations beside each other."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from mel_debug.builtin.renderers.drawing import draw_crop_crosshair
from mel_debug.confidence.answers import Answer
from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.core.types import Colour, Photo, Pixels
from mel_debug.evaluation.ranking import NOTE, TITLE, Key, ranked, ranking_rows
from mel_debug.evaluation.searches import Task
from mel_debug.evaluation.summary import Result
from mel_debug.files.comparison_page import Panel, Query, write_comparison
from mel_debug.files.crops import CROP_SIDE, OpenPhotos, crop, short_name, write_strip
from mel_debug.files.html_report import make_folder
from mel_debug.files.outputs import OutputGuard

PICTURE_NAMES = re.compile(r"query-[0-9]{2,}\.jpg")
"""File names of the pictures."""

MOLE: Colour = (0, 200, 0)
RIGHT: Colour = (0, 160, 60)
WRONG: Colour = (210, 40, 30)
TRUTH: Colour = (0, 160, 255)

MOST_PANELS = 12
"""Configurations whose answers are shown, the best first: nobody compares more at a glance."""

Progress = Callable[[Sequence[Key], str], Iterable[Key]]


def telling(results: Sequence[Result], most: int) -> list[Key]:
    """Up to `most` queries, those first on which the configurations disagree most."""
    rights: dict[Key, list[bool]] = {}
    for result in results:
        for answer in result.answers:
            if answer.truth is not None:
                rights.setdefault(_key(answer), []).append(answer.right)

    def agreement(key: Key) -> float:
        return abs(float(np.mean(rights[key])) - 0.5)

    return sorted(rights, key=agreement)[:most]


def write_side_by_side(
    folder: Path,
    results: Sequence[Result],
    tasks: Sequence[Task],
    most: int,
    track: Progress,
    *,
    guard: OutputGuard | None = None,
) -> Path:
    """Write a page with the ranking and a picture for each of `most` queries.

    It shows the mole in the source, its true place in the target, and the answer of each
    configuration, the best first: green if it is right, else red. Nothing is searched again.
    Returns the path of the page. Raises MelError if a photo can't be read or a file not written,
    and UsageError for a file that the guard does not allow to be replaced.
    """
    make_folder(folder)
    ranking = ranked(results)
    points = {
        (str(task.pair.source), str(task.pair.target), mole.uuid): mole.point
        for task in tasks
        for mole in task.pair.moles
    }
    shown = [each.result for each in ranking[:MOST_PANELS]]
    photos = OpenPhotos()
    queries = []
    for number, key in enumerate(track(telling(shown, most), "examples"), start=1):
        found = [
            (result.configuration.label, answer)
            for result in shown
            if (answer := _answer(result, key)) is not None
        ]
        name = f"query-{number:02d}.jpg"
        crops = _crops(key, points[key], [answer for _, answer in found], photos)
        write_strip(folder / name, crops, guard=guard)
        queries.append(_query(key, name, found))
    notes = [f"{TITLE[:1].upper()}{TITLE[1:]}.", NOTE, _order(len(shown), len(ranking))]
    return write_comparison(
        folder, "Configurations side by side", ranking_rows(ranking), notes, queries, guard=guard
    )


def _order(shown: int, count: int) -> str:
    text = "Below are queries, those first on which the configurations disagree most; the best "
    text += "configuration comes first."
    return text if shown == count else f"{text} Shown are the {shown} best of {count}."


def _query(key: Key, strip: str, found: Sequence[tuple[str, Answer]]) -> Query:
    source, target = (short_name(Path(path)) for path in key[:2])
    panels = [
        Panel("The mole", f"as marked in {source}", "mole"),
        Panel("The true place", f"in {target}", "truth"),
        *(Panel(label, _words(answer), _kind(answer)) for label, answer in found),
    ]
    words = f"Marked in {key[0]}, searched in {key[1]}."
    return Query(f"Mole {key[2][:8]}", words, strip, tuple(panels))


def _kind(answer: Answer) -> str:
    return "good" if answer.right else "bad"


def _words(answer: Answer) -> str:
    text = f"{'right' if answer.right else 'wrong'}, {answer.error_px or 0:.0f} px off; "
    text += f"confidence {answer.confidence:.2f}"
    return f"{text}, not accepted" if answer.uncertain else text


def _key(answer: Answer) -> Key:
    return answer.source, answer.target, answer.uuid


def _answer(result: Result, key: Key) -> Answer | None:
    return next((answer for answer in result.answers if _key(answer) == key), None)


def _crops(key: Key, point: Point, answers: Sequence[Answer], photos: OpenPhotos) -> list[Pixels]:
    source, target = (_opened(photos, Path(path)) for path in key[:2])
    truth = next(answer.truth for answer in answers if answer.truth is not None)
    crops = [_close_up(source, point, MOLE), _close_up(target, Point(*truth), TRUTH)]
    for answer in answers:
        colour = RIGHT if answer.right else WRONG
        crops.append(_close_up(target, Point(*answer.answer), colour))
    return crops


def _opened(photos: OpenPhotos, path: Path) -> Photo:
    photo = photos.get(path)
    if photo is None:
        raise MelError(f"{path} can't be read any more; run again without the page")
    return photo


def _close_up(photo: Photo, point: Point, colour: Colour) -> Pixels:
    picture = crop(photo, point).copy()  # a crop of a small photo may be read-only
    draw_crop_crosshair(picture, Point(CROP_SIDE / 2, CROP_SIDE / 2), colour)
    return picture
