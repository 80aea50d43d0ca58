"""Pictures of the worst matches, for visual inspection."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from mel_debug.builtin.renderers.drawing import draw_crop_crosshair
from mel_debug.builtin.renderers.pair import Pair, above, crop, upright
from mel_debug.confidence.answers import Answer
from mel_debug.confidence.judge import Judge
from mel_debug.core.geometry import Point
from mel_debug.core.types import Colour, Pixels
from mel_debug.evaluation.configurations import Configuration
from mel_debug.evaluation.searches import Searcher, Task
from mel_debug.evaluation.summary import Result
from mel_debug.files.html_report import make_folder, write_page
from mel_debug.files.outputs import OutputGuard
from mel_debug.files.pictures import write_picture
from mel_debug.matching.locate import locate

TRUTH: Colour = (0, 160, 255)
"""RGB of the crosshair on the true position: blue."""

PICTURE_NAMES = re.compile(r"[0-9]+-[0-9]{2,}\.jpg")
"""File names of the pictures: the numbers of the configuration and of the match."""

Progress = Callable[[Sequence[Answer], str], Iterable[Answer]]


def worst_of(answers: Sequence[Answer], most: int) -> list[Answer]:
    """Return the `most` worst answers: wrong ones by confidence, then right ones by error."""

    def badness(answer: Answer) -> tuple[bool, float]:
        if not answer.right:
            return True, answer.confidence
        return False, (answer.error_px or 0.0) / answer.longest

    return sorted(answers, key=badness, reverse=True)[:most]


def write_gallery(  # noqa: PLR0913 - what to draw, and how it was searched
    folder: Path,
    results: Sequence[Result],
    tasks: Sequence[Task],
    most: int,
    track: Progress,
    *,
    threshold: float,
    use_masks: bool,
    guard: OutputGuard | None = None,
) -> Path:
    """Search again for the `most` worst matches of each configuration and draw them.

    Each picture is that of the renderer `pair`, above a close-up of the true position in blue.
    Returns the path of the HTML page. Raises MelError if a search or a write fails, and UsageError
    for a file that the guard does not allow to be replaced.
    """
    make_folder(folder)
    pictures = []
    for number, result in enumerate(results):
        searcher = Searcher.of(result.configuration, use_masks=use_masks)
        judge = result.configuration.run.judge(threshold)
        for rank, answer in enumerate(track(worst_of(result.answers, most), "pictures"), start=1):
            name = f"{number + 1}-{rank:02d}.jpg"
            picture = _drawn(searcher, judge, answer, _point_of(answer, tasks))
            write_picture(folder / name, picture, guard=guard)
            pictures.append((name, _caption(result.configuration, answer)))
    return write_page(folder, "The worst matches", pictures, guard=guard)


def _point_of(answer: Answer, tasks: Sequence[Task]) -> Point:
    """Return the mole's mark in the source."""
    return next(
        mole.point
        for task in tasks
        if (str(task.pair.source), str(task.pair.target)) == (answer.source, answer.target)
        for mole in task.pair.moles
        if mole.uuid == answer.uuid
    )


def _drawn(searcher: Searcher, judge: Judge, answer: Answer, point: Point) -> Pixels:
    source, target = (
        searcher.photo_cache.photo(Path(path)) for path in (answer.source, answer.target)
    )
    located = locate(
        {answer.uuid: [(source, point)]}, target, searcher.photo_cache, searcher.matcher, judge
    )
    picture = Pair().render(located.queries[0], located.target, located.matches[0])
    if answer.truth is None:
        return picture
    photo = located.target.photo
    truth = crop(photo, Point(*answer.truth), upright(photo))
    draw_crop_crosshair(truth, Point(truth.shape[1] / 2, truth.shape[0] / 2), TRUTH)
    return above(picture, truth)


def _caption(configuration: Configuration, answer: Answer) -> str:
    error = answer.error_px
    off = "the mole is absent" if error is None else f"{error:.0f} px off"
    state = "uncertain" if answer.uncertain else "accepted"
    return (
        f"{configuration.label}: {answer.uuid} of {answer.source} in {answer.target}: {off}, "
        f"confidence {answer.confidence:.2f}, {state}"
    )
