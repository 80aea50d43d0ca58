"""Pictures of the worst matches, for visual inspection, made of finished searches."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from mel_debug.confidence.answers import Answer
from mel_debug.confidence.words import sentence
from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.core.types import Confidence, Photo
from mel_debug.evaluation.searches import Task
from mel_debug.evaluation.summary import Result
from mel_debug.files.crops import (
    CROP_SIDE,
    OpenPhotos,
    crop,
    crop_place,
    short_name,
    whole,
    whole_place,
    write_strip,
)
from mel_debug.files.html_report import make_folder
from mel_debug.files.outputs import OutputGuard
from mel_debug.files.review_page import Card, Panel, Picture, Section, Sign, write_review

PICTURE_NAMES = re.compile(r"[0-9]+-[0-9]{2,}\.jpg")
"""File names of the pictures: the numbers of the configuration and of the match."""

KINDS = {
    "bad": "wrong",
    "unsure": "right, but not accepted",
    "good": "right and accepted",
    "gone": "right: absent, and not accepted",
}

Progress = Callable[[Sequence[Answer], str], Iterable[Answer]]


def worst_of(answers: Sequence[Answer], most: int) -> list[Answer]:
    """Return the `most` worst answers: wrong ones by confidence, then right ones by error."""

    def badness(answer: Answer) -> tuple[bool, float]:
        if kind_of(answer) == "bad":
            return True, answer.confidence
        return False, (answer.error_px or 0.0) / answer.longest

    return sorted(answers, key=badness, reverse=True)[:most]


def write_gallery(
    folder: Path,
    results: Sequence[Result],
    tasks: Sequence[Task],
    most: int,
    track: Progress,
    *,
    guard: OutputGuard | None = None,
) -> Path:
    """Draw the `most` worst matches of each configuration as they were found; returns the page.

    Each has the mole in the source, the answer and the true place in the target, and the whole
    target. Nothing is searched again. Raises MelError if a photo can't be read or a write fails,
    and UsageError for a file that the guard does not allow to be replaced.
    """
    make_folder(folder)
    photos = OpenPhotos()
    points = {
        (str(task.pair.source), str(task.pair.target), mole.uuid): mole.point
        for task in tasks
        for mole in task.pair.moles
    }
    sections, count = [], 0
    for number, result in enumerate(results, start=1):
        worst = worst_of(result.answers, most)
        ranks = {id(answer): rank for rank, answer in enumerate(worst, start=1)}
        cards = {}
        # Pair by pair, so that each photo is decoded once.
        for answer in track(sorted(worst, key=lambda each: (each.source, each.target)), "drawing"):
            rank = ranks[id(answer)]
            point = points[answer.source, answer.target, answer.uuid]
            file = folder / f"{number}-{rank:02d}.jpg"
            cards[rank] = _card(count + rank, answer, point, photos, file, guard)
        count += len(worst)
        label = result.configuration.label
        summary = f"the {len(worst)} worst of {len(result.answers)} answers"
        sections.append(Section(label, summary, tuple(cards[rank] for rank in sorted(cards))))
    return write_review(folder, "The worst matches", sections, KINDS, guard=guard)


def _card(
    number: int,
    answer: Answer,
    point: Point,
    photos: OpenPhotos,
    file: Path,
    guard: OutputGuard | None,
) -> Card:
    source, target = (_opened(photos, Path(path)) for path in (answer.source, answer.target))
    place = Point(*answer.answer)
    truth = None if answer.truth is None else Point(*answer.truth)
    shape = "dashed" if answer.uncertain else "cross"
    found = [Sign(shape, "unsure" if answer.uncertain else "good")]
    crops = [crop(source, point), crop(target, place)]
    names = [f"marked in {short_name(Path(answer.source))}", "the answer"]
    signs = [[Sign("cross", "mole")], found]
    if truth is not None:
        at = crop_place(target, place, truth)
        if max(abs(at.x - CROP_SIDE / 2), abs(at.y - CROP_SIDE / 2)) < CROP_SIDE / 2:
            found.append(Sign("ring", "truth", at, 24.0))
        crops.append(crop(target, truth))
        names.append("the true place")
        signs.append([Sign("ring", "truth")])
    crops.append(whole(target))
    names.append(f"both in {short_name(Path(answer.target))}" if truth else "the whole target")
    overview = [Sign("ring", found[0].colour, whole_place(target, place), 8.0)]
    if truth is not None:
        overview.append(Sign("ring", "truth", whole_place(target, truth), 12.0))
    signs.append(overview)
    size = write_strip(file, crops, guard=guard)
    return Card(
        number,
        kind_of(answer),
        f"mole {answer.uuid[:8]}: {_error(answer)}",
        _words(answer),
        (f"confidence {answer.confidence:.2f}", f"{answer.uuid} of {answer.source}", answer.target),
        Picture(file.name, size, f"mole {answer.uuid[:8]}: {', '.join(names)}"),
        tuple(Panel(name, tuple(each)) for name, each in zip(names, signs, strict=True)),
    )


def _opened(photos: OpenPhotos, path: Path) -> Photo:
    photo = photos.get(path)
    if photo is None:
        raise MelError(f"{path} can't be read any more; run again without the gallery")
    return photo


def kind_of(answer: Answer) -> str:
    """The kind of an answer's card, one of `KINDS`."""
    accepted = not (answer.uncertain or answer.probably_absent)
    if answer.truth is None:
        return "bad" if accepted else "gone"
    if not answer.right:
        return "bad"
    return "good" if accepted else "unsure"


def _error(answer: Answer) -> str:
    error = answer.error_px
    return "the mole is absent" if error is None else f"{error:.0f} px off"


def _words(answer: Answer) -> str:
    return sentence(
        Confidence(
            answer.confidence,
            answer.radius_px,
            calibrated=True,
            uncertain=answer.uncertain,
            absent=answer.absent if answer.probably_absent else None,
        )
    )
