"""The HTML report: a picture of each new mark, for review."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from mel_debug.automark.decide import Decision, Outcome
from mel_debug.automark.runner import TargetResult
from mel_debug.automark.search import Searcher, Setup, searcher_for
from mel_debug.builtin.defaults import FAST_PRESET, PLAIN_MATCHER, REVIEW_RENDERER
from mel_debug.core.geometry import Point
from mel_debug.core.stages import Matcher, Renderer
from mel_debug.core.types import Confidence, Pixels
from mel_debug.files.html_report import make_folder, write_page
from mel_debug.files.names import safe_name
from mel_debug.files.outputs import OutputGuard
from mel_debug.files.pictures import write_picture
from mel_debug.matching.locate import locate
from mel_debug.plugins.config import resolve

NewMark = tuple[TargetResult, Decision]
Progress = Callable[[Sequence[NewMark], str], Iterable[NewMark]]

PICTURE_NAMES = re.compile(r"[0-9]{4,}-[a-z0-9-]+\.jpg")
"""The names of a report's pictures: a number and the first characters of a mole's uuid."""


def write_report(
    folder: Path,
    results: Sequence[TargetResult],
    setup: Setup,
    text: str,
    progress: Progress,
    *,
    guard: OutputGuard | None = None,
) -> Path:
    """Draw every new mark with the renderer `pair`, and return the path of the page.

    The heatmap is the cosine similarity, whichever matcher was used. Marks with the lowest
    confidence come first; `text` follows the pictures. Raises MelError if the folder cannot be
    written, and UsageError for a file that the guard protects.
    """
    make_folder(folder)
    added = sorted(
        (
            (result, decision)
            for result in results
            for decision in result.decisions
            if decision.outcome is Outcome.ADDED
        ),
        key=lambda each: each[1].confidence or 0.0,
    )
    pictures: list[tuple[str, str]] = []
    if added:
        config = replace(
            setup.config, renderer=REVIEW_RENDERER, matcher=PLAIN_MATCHER, stage_options=None
        )
        run = resolve(replace(config, preset=FAST_PRESET, refine=False))
        searcher = searcher_for(setup)
        matcher, renderer = run.build_matcher(), run.build_renderer()
        for number, (result, decision) in enumerate(progress(added, "drawing"), start=1):
            name = f"{number:04d}-{safe_name(decision.uuid[:8], 20)}.jpg"
            picture = _draw(searcher, (matcher, renderer), result, decision)
            write_picture(folder / name, picture, guard=guard)
            pictures.append((name, _caption(result, decision)))
    return write_page(folder, "New marks", pictures, text, guard=guard)


def _draw(
    searcher: Searcher, stages: tuple[Matcher, Renderer], result: TargetResult, decision: Decision
) -> Pixels:
    matcher, renderer = stages
    reference = decision.references[0]
    mark = _mark_of(result, reference, decision.uuid)
    source, target = (
        searcher.photo_cache.photo(path.absolute()) for path in (reference, result.target.photo)
    )
    located = locate({decision.uuid: [(source, mark)]}, target, searcher.photo_cache, matcher)
    (query,), (match,) = located.queries, located.matches
    assert decision.point is not None  # noqa: S101 - it was added
    probability = decision.confidence or 0.0
    confidence = Confidence(probability, 1.0, calibrated=searcher.judge.calibrated, uncertain=False)
    marked_match = replace(match, best=decision.point, confidence=confidence)
    return renderer.render(query, located.target, marked_match)


def _mark_of(result: TargetResult, reference: Path, uuid: str) -> Point:
    """The mark of a mole in a reference of the target, in pixels of the reference."""
    return next(each.moles[uuid] for each in result.target.references if each.photo == reference)


def _caption(result: TargetResult, decision: Decision) -> str:
    assert decision.point is not None  # noqa: S101 - it was added
    x, y = decision.point.x, decision.point.y
    return (
        f"{decision.uuid} in {result.target.photo} at ({x:.0f}, {y:.0f}), confidence "
        f"{decision.confidence:.2f}, as marked in {decision.references[0]}; "
        f"{decision.agreeing} other moles agree"
    )
