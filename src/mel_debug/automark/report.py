"""Pictures of new marks, so that a person can judge them."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from mel_debug.automark.decide import Decision, Outcome
from mel_debug.automark.runner import Marked
from mel_debug.automark.search import Searcher, Setup, searcher_for
from mel_debug.core.geometry import Point
from mel_debug.core.stages import Matcher, Renderer
from mel_debug.core.types import Confidence, Pixels
from mel_debug.files.html_report import make_folder, write_page
from mel_debug.files.names import safe_name
from mel_debug.files.outputs import OutputGuard
from mel_debug.files.pictures import write_picture
from mel_debug.matching.locate import locate
from mel_debug.plugins.config import resolve

Shown = tuple[Marked, Decision]
Progress = Callable[[Sequence[Shown], str], Iterable[Shown]]

PICTURE_NAMES = re.compile(r"[0-9]{4,}-[a-z0-9-]+\.jpg")
"""The names of a report's pictures: a number and the beginning of a mole's uuid."""


def write_report(
    folder: Path,
    results: Sequence[Marked],
    setup: Setup,
    text: str,
    track: Progress,
    *,
    guard: OutputGuard | None = None,
) -> Path:
    """Draw every new mark with the renderer `pair`; returns the page that shows them all.

    The heat is plain cosine similarity, whatever the search went by. The least sure marks come
    first. Raises MelError, and UsageError for a file that the guard does not allow to replace.
    """
    make_folder(folder)
    shown = sorted(
        (
            (result, decision)
            for result in results
            for decision in result.decisions
            if decision.outcome is Outcome.ADDED
        ),
        key=lambda each: each[1].confidence or 0.0,
    )
    pictures: list[tuple[str, str]] = []
    if shown:
        wanted = replace(setup.config, renderer="pair", matcher="cosine", stage_options=None)
        choice = resolve(replace(wanted, preset="fast", refine=False))
        searcher = searcher_for(setup)
        matcher, renderer = choice.build_matcher(), choice.build_renderer()
        for number, (result, decision) in enumerate(track(shown, "pictures"), start=1):
            name = f"{number:04d}-{safe_name(decision.uuid[:8], 20)}.jpg"
            picture = _drawn(searcher, (matcher, renderer), result, decision)
            write_picture(folder / name, picture, guard=guard)
            pictures.append((name, _caption(result, decision)))
    return write_page(folder, "New marks", pictures, text, guard=guard)


def _drawn(
    searcher: Searcher, stages: tuple[Matcher, Renderer], result: Marked, decision: Decision
) -> Pixels:
    matcher, renderer = stages
    reference = decision.references[0]
    marked = _mark_of(result, reference, decision.uuid)
    source, target = (
        searcher.photo_cache.photo(path.absolute()) for path in (reference, result.target.photo)
    )
    located = locate({decision.uuid: [(source, marked)]}, target, searcher.photo_cache, matcher)
    (query,), (match,) = located.queries, located.matches
    assert decision.point is not None  # noqa: S101 - it was added
    sure = decision.confidence or 0.0
    confidence = Confidence(sure, 1.0, calibrated=searcher.judge.calibrated, uncertain=False)
    shown = replace(match, best=decision.point, confidence=confidence)
    return renderer.render(query, located.target, shown)


def _mark_of(result: Marked, reference: Path, uuid: str) -> Point:
    """Where a reference of the target marks a mole."""
    return next(each.moles[uuid] for each in result.target.references if each.photo == reference)


def _caption(result: Marked, decision: Decision) -> str:
    assert decision.point is not None  # noqa: S101 - it was added
    x, y = decision.point.x, decision.point.y
    return (
        f"{decision.uuid} in {result.target.photo} at ({x:.0f}, {y:.0f}), confidence "
        f"{decision.confidence:.2f}, as marked in {decision.references[0]}; "
        f"{decision.agreeing} other moles agree"
    )
