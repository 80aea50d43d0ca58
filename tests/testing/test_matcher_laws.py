"""Each law of a matcher can be broken, and the check says which one was."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from mel_debug.core.geometry import Point
from mel_debug.core.peaks import best_cell
from mel_debug.core.stages import FeatureExtractor, Matcher, StageSpec
from mel_debug.core.types import FeatureMap, Match, Query
from mel_debug.testing import ContractError, check_matcher, match_laws
from mel_debug.testing.laws import Law

Spoil = Callable[[Sequence[Query], FeatureMap, list[Match]], Any]


@dataclass(frozen=True, slots=True)
class Toy:
    """The dot product, but `spoil` has the last word on its answer."""

    spoil: Spoil

    def match(
        self, queries: Sequence[Query], target: FeatureMap, extractor: FeatureExtractor
    ) -> list[Match]:
        matches = [self._find(query, target) for query in queries]
        answer: list[Match] = self.spoil(queries, target, matches)
        return answer

    def _find(self, query: Query, target: FeatureMap) -> Match:
        vectors = [view.features.at(view.point) for view in query.views]
        scores = target.vectors @ np.mean(vectors, axis=0)
        best = target.grid.centre_of(best_cell(scores, target.valid))
        return Match(query.uuid, target.grid, scores, target.valid, best, float(scores.max()))


def each(change: Callable[[Match], Match]) -> Spoil:
    return lambda _queries, _target, matches: [change(match) for match in matches]


def best_of_all(match: Match) -> Match:
    """Forgets the mask."""
    row, column = divmod(int(match.scores.argmax()), match.grid.columns)
    return replace(match, best=match.grid.point_at(row, column))


def in_scaled_pixels(match: Match) -> Match:
    """Forgets to scale back."""
    scaled, size = match.grid.to_scaled(match.best), match.grid.photo
    return replace(match, best=Point(min(scaled.x, size.width - 1), min(scaled.y, size.height - 1)))


def writes_to_target(_: Sequence[Query], target: FeatureMap, matches: list[Match]) -> list[Match]:
    target.vectors[...] /= 2
    return matches


def writes_if_allowed(_: Sequence[Query], target: FeatureMap, matches: list[Match]) -> list[Match]:
    """Puts everything back, which takes the right to write all the same."""
    target.vectors[...] += 0
    return matches


def needs_one_view(queries: Sequence[Query], _: FeatureMap, matches: list[Match]) -> list[Match]:
    for query in queries:
        (_view,) = query.views
    return matches


def less_the_mean(_: Sequence[Query], __: FeatureMap, matches: list[Match]) -> list[Match]:
    mean = np.mean([match.scores for match in matches], axis=0)
    return [replace(match, scores=match.scores - mean / 4) for match in matches]


def with_noise() -> Spoil:
    random = np.random.default_rng(0)

    def noisy(match: Match) -> Match:
        noise = random.uniform(0, 0.1, match.scores.shape).astype(np.float32)
        return replace(match, scores=match.scores + noise)

    return each(noisy)


BROKEN: dict[str, tuple[Spoil, Law]] = {
    "fails for two views": (needs_one_view, match_laws.EVERY_CASE),
    "gives nothing": (lambda *_: None, match_laws.EVERY_CASE),
    "answers the first only": (lambda *given: given[2][:1], match_laws.ONE_A_QUERY),
    "answers backwards": (lambda *given: given[2][::-1], match_laws.ONE_A_QUERY),
    "another grid": (
        each(lambda match: replace(match, grid=replace(match.grid, patch=1))),
        match_laws.TARGETS_GRID,
    ),
    "double precision": (
        each(lambda match: replace(match, scores=match.scores.astype(float))),
        match_laws.NUMBERS,
    ),
    "no number": (
        each(lambda match: replace(match, scores=match.scores * np.float32(np.nan))),
        match_laws.NUMBERS,
    ),
    "a numpy score": (
        each(lambda match: replace(match, score=match.scores.max())),
        match_laws.PLAIN,
    ),
    "an endless way back": (
        each(lambda match: replace(match, cycle_error_px=np.inf)),
        match_laws.PLAIN,
    ),
    "a hidden cell wins": (each(best_of_all), match_laws.MASKED),
    "opens the mask": (
        each(lambda match: replace(match, valid=np.ones_like(match.valid))),
        match_laws.MASKED,
    ),
    "cells for pixels": (
        each(lambda match: replace(match, best=Point(match.cell.column, match.cell.row))),
        match_laws.OWN_PLACE,
    ),
    "scaled pixels for the photo's": (each(in_scaled_pixels), match_laws.OWN_PLACE),
    "across and down mixed up": (
        each(lambda match: replace(match, best=Point(match.best.y, match.best.x))),
        match_laws.INSIDE,
    ),
    "distances without a minus": (
        each(lambda match: replace(match, scores=-match.scores)),
        match_laws.HIGHER,
    ),
    "writes to the target": (writes_to_target, match_laws.INPUTS),
    "writes what is there": (writes_if_allowed, match_laws.INPUTS),
    "less the queries' mean": (less_the_mean, match_laws.TOGETHER),
    "noise": (with_noise(), match_laws.REPEATABLE),
}


def offer_of(spoil: Spoil) -> StageSpec[Matcher]:
    return StageSpec("toy", "a toy", build=lambda _: Toy(spoil))


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_broken_matcher_is_told_which_law_it_breaks(mistake: str) -> None:
    """The message names the matcher and the law."""
    spoil, law = BROKEN[mistake]
    with pytest.raises(ContractError, match=re.escape(f"matcher 'toy' broke the law \"{law.text}")):
        check_matcher(offer_of(spoil))


def test_the_toy_that_is_spoiled_is_itself_sound() -> None:
    """So each mistake above is the only one."""
    check_matcher(offer_of(lambda *given: given[2]))


def test_every_law_of_a_matcher_can_be_broken() -> None:
    """A law that no toy breaks may be one that can't be broken."""
    stated = {law.text for law in vars(match_laws).values() if isinstance(law, Law)}
    assert stated == {law.text for _, law in BROKEN.values()}
