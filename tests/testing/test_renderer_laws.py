"""Each law of a renderer can be broken, and the check says which one was."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from mel_debug.core.geometry import Point
from mel_debug.core.stages import Renderer, StageSpec
from mel_debug.core.types import FeatureMap, Match, Pixels, Query
from mel_debug.testing import ContractError, check_renderer, renderers
from mel_debug.testing.laws import Law

Draw = Callable[[Query, FeatureMap, Match], Any]


@dataclass(frozen=True, slots=True)
class Toy:
    """A renderer that is one function."""

    draw: Draw

    def render(self, query: Query, target: FeatureMap, match: Match) -> Pixels:
        picture: Pixels = self.draw(query, target, match)
        return picture


def dotted(_: Query, target: FeatureMap, match: Match) -> Pixels:
    """The photo with one green pixel on the best place."""
    return with_dot(target.photo.pixels.copy(), match.best)


def with_dot(picture: Pixels, place: Point) -> Pixels:
    picture[int(place.y), int(place.x)] = (0, 255, 0)
    return picture


def beside_each_other(query: Query, target: FeatureMap, match: Match) -> Pixels:
    """Takes for granted that all photos are of one height."""
    source = query.views[0].features.photo.pixels
    return np.concatenate([source, dotted(query, target, match)], axis=1)


def with_grain() -> Draw:
    random = np.random.default_rng(0)

    def draw(query: Query, target: FeatureMap, match: Match) -> Pixels:
        picture = dotted(query, target, match)
        return picture | random.integers(0, 2, picture.shape, dtype=np.uint8)

    return draw


def over_the_range(query: Query, target: FeatureMap, match: Match) -> Pixels:
    """Takes for granted that scores differ."""
    low, high = match.similarity_range
    assert 1 / (high - low)
    return dotted(query, target, match)


BROKEN: dict[str, tuple[Draw, Law]] = {
    "grey": (lambda *given: dotted(*given)[..., 0], renderers.PICTURE),
    "from 0 to 1": (lambda *given: dotted(*given) / 255, renderers.PICTURE),
    "no array": (lambda *given: dotted(*given).tobytes(), renderers.PICTURE),
    "draws on the photo": (
        lambda _, target, match: with_dot(target.photo.pixels, match.best),
        renderers.INPUTS,
    ),
    "photos of one height": (beside_each_other, renderers.EVERY_CASE),
    "scores that differ": (over_the_range, renderers.EVERY_CASE),
    "no mark": (
        lambda query, target, match: dotted(query, target, replace(match, best=Point(0, 0))),
        renderers.BEST,
    ),
    "grain": (with_grain(), renderers.REPEATABLE),
}


def offer_of(draw: Draw) -> StageSpec[Renderer]:
    return StageSpec("toy", "a toy", build=lambda _: Toy(draw))


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_broken_renderer_is_told_which_law_it_breaks(mistake: str) -> None:
    """The message names the renderer and the law."""
    draw, law = BROKEN[mistake]
    with pytest.raises(
        ContractError, match=re.escape(f"renderer 'toy' broke the law \"{law.text}")
    ):
        check_renderer(offer_of(draw))


def test_the_toy_that_is_spoiled_is_itself_sound() -> None:
    """So each mistake above is the only one."""
    check_renderer(offer_of(dotted))


def test_every_law_of_a_renderer_can_be_broken() -> None:
    """A law that no toy breaks may be one that can't be broken."""
    stated = {law.text for law in vars(renderers).values() if isinstance(law, Law)}
    assert stated == {law.text for _, law in BROKEN.values()}
