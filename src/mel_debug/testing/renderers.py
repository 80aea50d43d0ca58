"""The laws of a renderer."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from mel_debug.core.geometry import Size
from mel_debug.core.stages import BuildOptions, Renderer, StageSpec
from mel_debug.core.types import FeatureMap, Mask, Match, Pixels, Query
from mel_debug.testing.checks import ConformanceCheck, Rule, Subject, checks_of, run_all
from mel_debug.testing.common import common_rules
from mel_debug.testing.inputs import arrays_of, copies, locked, same
from mel_debug.testing.laws import Law
from mel_debug.testing.samples import (
    SIZE,
    sample_features,
    sample_match,
    sample_photo,
    sample_query,
)

PLACES = ((0.0, 0.0), (0.999, 0.0), (0.0, 0.999), (0.999, 0.999), (0.5, 0.999), (0.43, 0.61))
"""Where a mole may be found, across and down the target: corners, a border, off a cell's centre."""

EVERY_CASE = Law("draws every match that can come up", "handle this case")
PICTURE = Law("gives RGB bytes", "return a numpy array of (height, width, 3) uint8")
INPUTS = Law(
    "leaves query, target and match as they were",
    "draw on a copy: photo.scaled(size) is shared, so .copy() it",
)
BEST = Law("draws match.best", "mark the best place: two places must give two pictures")
REPEATABLE = Law("the same match gives the same picture", "seed what is random")


def renderer_checks(
    spec: StageSpec[Renderer],
    options: BuildOptions | None = None,
    *,
    expected_failures: Mapping[str, str] = MappingProxyType({}),
) -> list[ConformanceCheck]:
    """The conformance checks of a renderer; see `extractor_checks`."""
    subject = Subject("renderer", Renderer, spec, options)
    return checks_of(subject, RULES, expected_failures)


def check_renderer(spec: StageSpec[Renderer], options: BuildOptions | None = None) -> None:
    """Run all checks of a renderer in one call. Raises ContractError for the first it fails."""
    run_all(renderer_checks(spec, options))


def _check_inputs(subject: Subject[Renderer]) -> None:
    renderer = subject.stage
    target = sample_features(sample_photo(0))
    query, match = sample_query(sample_features(sample_photo(1))), sample_match(target)
    arrays = arrays_of([query], target, [match])
    before = copies(arrays)
    first = _drawn(renderer, query, target, match, "a usual match")
    INPUTS.require(same(arrays, before), "it wrote to an array it was given")
    locked(arrays)
    with INPUTS.covers("given read-only arrays"):
        second = renderer.render(query, target, match)
    REPEATABLE.require(np.array_equal(first, second), "two calls drew different pictures")


def _check_every_case(subject: Subject[Renderer]) -> None:
    renderer = subject.stage
    source, target = sample_features(sample_photo(1)), sample_features(sample_photo(0))
    tall = sample_features(sample_photo(2, Size(333, 777)))
    cell = sample_features(sample_photo(3, Size(50, 40)), image_size=8)
    masked = sample_features(sample_photo(4, mask=_left_half()))
    query, match, left = sample_query(source), sample_match(target), 0.2
    flat = replace(match, scores=np.zeros_like(match.scores), score=0.0)
    cases: dict[str, tuple[Query, FeatureMap, Match]] = {
        "scores that are all equal": (query, target, flat),
        "a target of another shape": (query, tall, sample_match(tall)),
        "a source of another shape": (sample_query(tall), target, match),
        "a target of one cell": (query, cell, sample_match(cell)),
        "a source of one cell": (sample_query(cell), target, match),
        "a target with a mask, -inf outside it": (query, masked, sample_match(masked, across=left)),
        "a source with a mask": (sample_query(masked, across=left), target, match),
        "a mole seen in two photos": (sample_query(source, tall), target, match),
    }
    for across, down in PLACES:
        place = f"{across:g}, {down:g} of its photo's size"
        found = sample_match(target, across=across, down=down)
        known = sample_query(source, across=across, down=down)
        cases[f"a mole found at {place}"] = query, target, found
        cases[f"a mole known at {place}"] = known, target, match
    for case, parts in cases.items():
        _drawn(renderer, *parts, case)


def _left_half() -> Mask:
    mask = np.zeros((SIZE.height, SIZE.width), dtype=bool)
    mask[:, : SIZE.width // 2] = True
    return mask


def _check_best(subject: Subject[Renderer]) -> None:
    """The scores are the same, so the two differ only in `match.best`."""
    renderer = subject.stage
    target = sample_features(sample_photo(0))
    query, match = sample_query(target), sample_match(target)
    here, there = (replace(match, best=target.grid.point_at(*cell)) for cell in ((12, 20), (3, 4)))
    first, second = (
        _drawn(renderer, query, target, found, "one of two places") for found in (here, there)
    )
    BEST.require(not np.array_equal(first, second), "another best place gave the same picture")


def _use(renderer: Renderer) -> None:
    target = sample_features(sample_photo(0))
    renderer.render(sample_query(target), target, sample_match(target))


RULES: list[Rule[Renderer]] = [
    *common_rules(_use),
    Rule(
        "read-only-inputs",
        "Query, target and match may be read-only, and are not changed.",
        _check_inputs,
    ),
    Rule("every-case", "Unusual photos, masks and places give an RGB picture.", _check_every_case),
    Rule("best", "The picture shows where `match.best` is.", _check_best),
]


def _drawn(renderer: Renderer, query: Query, target: FeatureMap, match: Match, case: str) -> Pixels:
    """What the renderer draws, known to be a picture."""
    with EVERY_CASE.covers(case):
        picture = renderer.render(query, target, match)
    is_array = isinstance(picture, np.ndarray)
    seen = f"{picture.shape} {picture.dtype}" if is_array else type(picture).__name__
    PICTURE.require(
        is_array
        and picture.dtype == np.uint8
        and picture.ndim == 3
        and picture.shape[2] == 3
        and picture.size > 0,
        f"{case}: it gave {seen}",
    )
    return picture
