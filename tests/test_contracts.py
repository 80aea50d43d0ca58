"""The contract checks that plugin authors are offered: what ships passes them."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from extras import needs_xfeat
from mel_debug.builtin import plugin
from mel_debug.core.option import Option, OptionValue
from mel_debug.core.stages import BuildOptions, Matcher, Renderer, StageSpec
from mel_debug.matching.refine import Refined
from mel_debug.testing import (
    SampleExtractor,
    check_extractor,
    check_matcher,
    check_renderer,
    sample_features,
    sample_match,
    sample_photo,
    sample_query,
)
from workbench import Dinov3Weights

EXTRACTORS = {offer.name: offer for offer in plugin.mel_extractors()}
MATCHERS = {offer.name: offer for offer in plugin.mel_matchers()}
RENDERERS = {offer.name: offer for offer in plugin.mel_renderers()}


@pytest.mark.slow
@pytest.mark.parametrize("name", MATCHERS)
def test_every_matcher_that_ships_keeps_the_laws(name: str) -> None:
    """With its options as they are."""
    check_matcher(MATCHERS[name])


def _other_values(option: Option) -> list[OptionValue]:
    """Values of an option besides its default, where the option itself lists some."""
    if isinstance(option.default, bool):
        return [not option.default]
    return [choice for choice in option.choices if choice != option.default]


def _variants() -> Iterator[tuple[str, str, OptionValue]]:
    for name, offer in MATCHERS.items():
        for option in offer.options:
            for value in _other_values(option):
                yield name, option.name, value
    yield "cosine", "pool", 3


@pytest.mark.slow
@pytest.mark.parametrize(("name", "option", "value"), [*_variants()])
def test_every_choice_of_a_matchers_options_keeps_the_laws(
    name: str, option: str, value: OptionValue
) -> None:
    """One option at a time, the others as they are."""
    check_matcher(MATCHERS[name], BuildOptions(values={option: value}))


@pytest.mark.slow
@pytest.mark.parametrize("place", ["centre", "peak"])
@pytest.mark.parametrize("image_size", [64, 192])
def test_a_matcher_that_looks_again_keeps_the_laws(place: str, image_size: int) -> None:
    """With windows smaller than the photos, and with windows as large as some of them."""

    def build(options: BuildOptions) -> Matcher:
        return Refined(MATCHERS["cosine"].build(options), image_size)

    offer = replace(MATCHERS["cosine"], name="refined", build=build)
    check_matcher(offer, BuildOptions(values={"place": place}))


@pytest.mark.slow
@pytest.mark.parametrize("name", RENDERERS)
def test_every_renderer_that_ships_keeps_the_laws(name: str) -> None:
    """With its options as they are."""
    check_renderer(RENDERERS[name])


@pytest.mark.slow
@needs_xfeat
def test_xfeat_keeps_the_laws() -> None:
    """Also for images whose sides do not divide by its network's stride of 32."""
    check_extractor(EXTRACTORS["xfeat"], BuildOptions(device="cpu"))


@pytest.mark.slow
def test_dinov3_keeps_the_laws(dinov3_small: Dinov3Weights) -> None:
    """With random weights: the laws ask for no meaning."""
    weights = dinov3_small.safetensors
    check_extractor(EXTRACTORS["dinov3-small"], BuildOptions("cpu", weights, offline=True))


def test_a_matcher_may_be_checked_with_its_own_extractor() -> None:
    """Features may come from any extractor, whatever its patch."""

    class Coarse(SampleExtractor):
        patch = 12

    offer: StageSpec[Matcher] = MATCHERS["cosine"]
    check_matcher(offer, extractor=Coarse())


def test_options_that_are_not_given_have_their_defaults() -> None:
    """A stage is built as the command line would build it, but for what the author sets."""
    seen: list[BuildOptions] = []

    def build(options: BuildOptions) -> Renderer:
        seen.append(options)
        return RENDERERS["heatmap"].build(BuildOptions(values=RENDERERS["heatmap"].values({})))

    options = (Option("width", 3, "of a line"), Option("glow", 0.5, "of a line"))
    offer: StageSpec[Renderer] = StageSpec("toy", "a toy", build=build, options=options)
    check_renderer(offer)
    check_renderer(offer, BuildOptions(device="cpu", values={"width": 9}))
    built = {(*options.values.items(), options.device) for options in seen}
    assert built == {
        (("width", 3), ("glow", 0.5), "auto"),
        (("width", 9), ("glow", 0.5), "cpu"),
    }


def test_sample_data_is_the_same_for_the_same_seed() -> None:
    """A plugin's test that fails today fails tomorrow."""
    first, second = sample_photo(5), sample_photo(5)
    assert np.array_equal(first.pixels, second.pixels)
    assert not np.array_equal(first.pixels, sample_photo(6).pixels)
    target = sample_features(first)
    assert np.array_equal(sample_match(target).scores, sample_match(target).scores)
    assert sample_query().views[0].point == sample_query(target).views[0].point
