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
from mel_debug.evaluation.ranking import Key, ranked, ranking_text
from mel_debug.evaluation.searches import Task
from mel_debug.evaluation.summary import Result
from mel_debug.files.crops import CROP_SIDE, OpenPhotos, crop, write_strip
from mel_debug.files.html_report import make_folder, write_page
from mel_debug.files.outputs import OutputGuard

PICTURE_NAMES = re.compile(r"query-[0-9]{2,}\.jpg")
"""File names of the pictures."""

MOLE: Colour = (0, 200, 0)
RIGHT: Colour = (0, 160, 60)
WRONG: Colour = (210, 40, 30)
TRUTH: Colour = (0, 160, 255)

MOST_COLUMNS = 8
"""Configurations in one picture, the best first: a wider one cannot be read."""

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

    A picture has the mole in the source, its true place in the target (blue), and the answer of
    each configuration, the best first: green if it is right, else red. Nothing is searched again.
    Returns the path of the page. Raises MelError if a photo can't be read or a file not written,
    and UsageError for a file that the guard does not allow to be replaced.
    """
    make_folder(folder)
    ranking = ranked(results)[:MOST_COLUMNS]
    points = {
        (str(task.pair.source), str(task.pair.target), mole.uuid): mole.point
        for task in tasks
        for mole in task.pair.moles
    }
    shown = [each.result for each in ranking]
    photos = OpenPhotos()
    pictures = []
    for number, key in enumerate(track(telling(shown, most), "examples"), start=1):
        answers = [_answer(result, key) for result in shown]
        name = f"query-{number:02d}.jpg"
        write_strip(folder / name, _crops(key, points[key], answers, photos), guard=guard)
        pictures.append((name, _caption(key, shown, answers)))
    return write_page(
        folder, "Configurations side by side", pictures, ranking_text(ranked(results)), guard=guard
    )


def _key(answer: Answer) -> Key:
    return answer.source, answer.target, answer.uuid


def _answer(result: Result, key: Key) -> Answer | None:
    return next((answer for answer in result.answers if _key(answer) == key), None)


def _crops(
    key: Key, point: Point, answers: Sequence[Answer | None], photos: OpenPhotos
) -> list[Pixels]:
    source, target = (_opened(photos, Path(path)) for path in key[:2])
    truth = next(a.truth for a in answers if a is not None and a.truth is not None)
    crops = [_close_up(source, point, MOLE), _close_up(target, Point(*truth), TRUTH)]
    for answer in answers:
        if answer is not None:
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


def _caption(key: Key, results: Sequence[Result], answers: Sequence[Answer | None]) -> str:
    errors = [
        f"{result.configuration.label}: {answer.error_px or 0:.0f} px off, "
        f"confidence {answer.confidence:.2f}"
        for result, answer in zip(results, answers, strict=True)
        if answer is not None
    ]
    return f"{key[2]} of {key[0]} in {key[1]}. Source; truth; {'; '.join(errors)}"
