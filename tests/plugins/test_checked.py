"""Laws of checking stages: what a stage returns is right, or its plugin is named."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.core.errors import MelError, PluginError, UsageError
from mel_debug.core.geometry import PatchGrid, Point
from mel_debug.core.stages import BuildOptions, FeatureExtractor, Matcher, Renderer, StageSpec
from mel_debug.core.types import FeatureMap, Match, Measurement, Query
from mel_debug.plugins.checked import checked_extractor, checked_matcher, checked_renderer
from mel_debug.testing import (
    SampleExtractor,
    sample_features,
    sample_match,
    sample_photo,
    sample_query,
)
from sites import install, mel_debug
from workbench import Scene

BATCH = np.zeros((2, 16, 24, 3), dtype=np.uint8)
TARGET = sample_features(sample_photo())
QUERIES = [sample_query(number=number) for number in range(2)]
GOOD = [sample_match(TARGET, number=number) for number in range(2)]


@dataclass
class Answering:
    """A stage of any kind that always returns the same result."""

    answer: Any
    patch: Any = 8
    mean_colour: Any = (1, 2, 3)

    def extract(self, images: Any) -> Any:
        return self.answer

    def match(self, *asked: Any) -> Any:
        return self.answer

    def render(self, *asked: Any) -> Any:
        return self.answer


def built_extractor(stage: Any) -> FeatureExtractor:
    return checked_extractor(StageSpec("toy", "toy", lambda _: stage), "acme").build(BuildOptions())


def built_matcher(stage: Any) -> Matcher:
    return checked_matcher(StageSpec("toy", "toy", lambda _: stage), "acme").build(BuildOptions())


def built_renderer(stage: Any) -> Renderer:
    return checked_renderer(StageSpec("toy", "toy", lambda _: stage), "acme").build(BuildOptions())


def zeros(*shape: int, dtype: Any = np.float32) -> Any:
    return np.zeros(shape, dtype=dtype)


BAD_VECTORS = {
    "None": None,
    "a list": zeros(2, 2, 3, 4).tolist(),
    "a tensor": torch.zeros(2, 2, 3, 4),
    "float64": zeros(2, 2, 3, 4, dtype=np.float64),
    "float16": zeros(2, 2, 3, 4, dtype=np.float16),
    "whole numbers": zeros(2, 2, 3, 4, dtype=np.int64),
    "no batch": zeros(2, 3, 4),
    "another count": zeros(1, 2, 3, 4),
    "tokens in a row": zeros(2, 6, 4),
    "turned": zeros(2, 3, 2, 4),
    "no dimensions": zeros(2, 2, 3, 0),
    "NaN": np.full((2, 2, 3, 4), np.nan, dtype=np.float32),
    "one infinity": np.where(zeros(2, 2, 3, 4).cumsum(axis=3) == 0, -np.inf, 0).astype(np.float32),
}


@pytest.mark.parametrize("kind", BAD_VECTORS)
def test_vectors_that_break_the_protocol_name_plugin_and_extractor(kind: str) -> None:
    """With what came and what is expected, in one line."""
    extractor = built_extractor(Answering(BAD_VECTORS[kind]))
    with pytest.raises(PluginError, match=r"plugin 'acme', extractor 'toy': got .*, expected") as e:
        extractor.extract(BATCH)
    assert "\n" not in str(e.value)
    assert len(str(e.value)) < 200


def test_good_vectors_are_passed_on_as_they_are() -> None:
    """The very array: checking copies nothing."""
    vectors = zeros(2, 2, 3, 4)
    assert built_extractor(Answering(vectors)).extract(BATCH) is vectors


def test_vectors_of_another_length_than_before_are_refused() -> None:
    """Two photos could not be compared."""
    stage = Answering(zeros(2, 2, 3, 4))
    extractor = built_extractor(stage)
    extractor.extract(BATCH)
    stage.answer = zeros(2, 2, 3, 5)
    with pytest.raises(PluginError, match="vectors of 5 numbers, expected 4"):
        extractor.extract(BATCH)


@pytest.mark.parametrize("patch", [0, -8, 8.0, None, True, "8"])
def test_a_patch_that_is_no_whole_number_is_refused_when_built(patch: object) -> None:
    with pytest.raises(PluginError, match="'acme', extractor 'toy': got a patch of"):
        built_extractor(Answering(None, patch=patch))


@pytest.mark.parametrize("colour", [None, (1, 2), (1, 2, 300), (0.5, 0.5, 0.5), "grey"])
def test_a_colour_that_is_none_is_refused(colour: object) -> None:
    extractor = built_extractor(Answering(None, mean_colour=colour))
    with pytest.raises(PluginError, match="'acme', extractor 'toy': got a mean_colour of"):
        _ = extractor.mean_colour


@pytest.mark.parametrize("build", [built_extractor, built_matcher, built_renderer])
@pytest.mark.parametrize("stage", [None, object(), "toy", Answering])
def test_what_is_no_stage_is_refused_when_built(
    build: Callable[[object], object], stage: object
) -> None:
    """Also a class in place of an object of it."""
    with pytest.raises(PluginError, match="plugin 'acme', "):
        build(stage)


@pytest.mark.parametrize("parts", [[1], [b"1"], 7, [None]])
def test_what_vectors_depend_on_is_texts_and_paths(parts: Any) -> None:
    offer: StageSpec[FeatureExtractor] = StageSpec(
        "toy", "toy", lambda _: Answering(None), depends_on=lambda _: parts
    )
    depends_on = checked_extractor(offer, "acme").depends_on
    assert depends_on is not None
    with pytest.raises(PluginError, match="plugin 'acme', extractor 'toy'"):
        depends_on(BuildOptions())


def spoilt(**fields: Any) -> list[Match]:
    """Good matches but for some fields of the second, which nothing stops from being wrong."""
    second = replace(GOOD[1])
    for name, value in fields.items():
        object.__setattr__(second, name, value)
    return [GOOD[0], second]


NAN, INFINITY = float("nan"), float("inf")
WIDTH, HEIGHT = TARGET.photo.size.width, TARGET.photo.size.height
BAD_MATCHES = {
    "None": None,
    "a match alone": GOOD[0],
    "too few": GOOD[:1],
    "too many": [*GOOD, GOOD[0]],
    "none": [],
    "another order": GOOD[::-1],
    "one mole twice": [GOOD[0], GOOD[0]],
    "no matches": [1, 2],
    "None for one": [GOOD[0], None],
    "a place beyond the right edge": spoilt(best=Point(WIDTH, 5)),
    "a place below": spoilt(best=Point(5, HEIGHT + 1e9)),
    "a place before the left edge": spoilt(best=Point(-0.001, 5)),
    "NaN as a place": spoilt(best=Point(NAN, 5)),
    "infinity as a place": spoilt(best=Point(5, INFINITY)),
    "a tuple as a place": spoilt(best=(5, 5)),
    "NaN as the score": spoilt(score=NAN),
    "a text as the score": spoilt(score="high"),
    "an array as the score": spoilt(score=np.zeros(1)),
    "NaN among the scores": spoilt(scores=np.full_like(GOOD[1].scores, NAN)),
    "infinite scores": spoilt(scores=np.full_like(GOOD[1].scores, INFINITY)),
    "scores of whole numbers": spoilt(scores=GOOD[1].scores.astype(int)),
    "NaN moves": spoilt(moves_px=(1.0, NAN)),
    "NaN as the way back": spoilt(cycle_error_px=NAN),
    "NaN as support": spoilt(support={"peaks": NAN}),
    "a text as support": spoilt(support={"peaks": "many"}),
    "another grid": spoilt(grid=PatchGrid.fit(TARGET.photo.size, 64, 8)),
    "kept cells as numbers": spoilt(valid=GOOD[1].valid.astype(int)),
    "notes in one text": spoilt(notes="found"),
    "details in one text": spoilt(details="hard"),
}


@pytest.mark.parametrize("kind", BAD_MATCHES)
def test_matches_that_break_the_protocol_name_plugin_and_matcher(kind: str) -> None:
    """Whatever is wrong with any of them, in one line."""
    matcher = built_matcher(Answering(BAD_MATCHES[kind]))
    with pytest.raises(PluginError, match="plugin 'acme', matcher 'toy'") as caught:
        matcher.match(QUERIES, TARGET, SampleExtractor())
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


inside = st.tuples(
    st.floats(0, WIDTH, exclude_max=True), st.floats(0, HEIGHT, exclude_max=True)
).map(lambda place: Point(*place))


@given(inside, st.floats(allow_nan=False, allow_infinity=False))
def test_every_place_inside_the_photo_is_accepted(best: Point, score: float) -> None:
    """And what comes is what the matcher gave."""
    answer = [replace(match, best=best, score=score) for match in GOOD]
    matches = built_matcher(Answering(answer)).match(QUERIES, TARGET, SampleExtractor())
    assert [(match.best, match.score) for match in matches] == 2 * [(best, score)]


def test_numbers_of_numpy_become_pythons_own() -> None:
    """Which JSON can hold."""
    answer = spoilt(
        best=Point(np.float32(3), np.float64(4)),  # type: ignore[arg-type]
        score=np.float32(0.5),
        moves_px=(np.float32(1),),
        support={"peaks": Measurement(np.int64(3))},  # type: ignore[arg-type]
    )
    match = built_matcher(Answering(answer)).match(QUERIES, TARGET, SampleExtractor())[1]
    numbers = [
        match.best.x,
        match.best.y,
        match.score,
        *match.moves_px,
        match.support["peaks"].value,
    ]
    assert numbers == [3, 4, 0.5, 1, 3]
    assert {type(number) for number in numbers} == {float}


BAD_PICTURES = {
    "None": None,
    "a list": [[[0, 0, 0]]],
    "floats": zeros(4, 4, 3),
    "grey": zeros(4, 4, dtype=np.uint8),
    "with alpha": zeros(4, 4, 4, dtype=np.uint8),
    "channels first": zeros(3, 4, 5, dtype=np.uint8),
    "empty": zeros(0, 4, 3, dtype=np.uint8),
}


@pytest.mark.parametrize("kind", BAD_PICTURES)
def test_pictures_that_break_the_protocol_name_plugin_and_renderer(kind: str) -> None:
    """What can't be saved is no picture."""
    renderer = built_renderer(Answering(BAD_PICTURES[kind]))
    with pytest.raises(PluginError, match=r"plugin 'acme', renderer 'toy': got .*, expected"):
        renderer.render(QUERIES[0], TARGET, GOOD[0])


@dataclass
class Raising:
    """A stage of any kind that raises."""

    error: BaseException
    patch: int = 8
    mean_colour: tuple[int, int, int] = (1, 2, 3)

    def extract(self, images: Any) -> Any:
        raise self.error

    def match(self, queries: Sequence[Query], target: FeatureMap, _: FeatureExtractor) -> Any:
        raise self.error

    def render(self, query: Query, target: FeatureMap, match: Match) -> Any:
        raise self.error


def calls(error: BaseException) -> dict[str, Callable[[], object]]:
    """A call of each kind of stage that raises."""
    stage = Raising(error)
    return {
        "extractor": lambda: built_extractor(stage).extract(BATCH),
        "matcher": lambda: built_matcher(stage).match(QUERIES, TARGET, SampleExtractor()),
        "renderer": lambda: built_renderer(stage).render(QUERIES[0], TARGET, GOOD[0]),
    }


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(3), GeneratorExit(), Exception()])
def test_an_error_inside_a_stage_names_plugin_stage_and_error(error: BaseException) -> None:
    """And how to see where it was raised."""
    for stage, call in calls(error).items():
        with pytest.raises(PluginError, match=f"plugin 'acme', {stage} 'toy' failed with") as e:
            call()
        assert type(error).__name__ in str(e.value)
        assert "MEL_DEBUG_TRACEBACK=1" in str(e.value)


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt),
        (UsageError("too small"), UsageError),
        (MemoryError(), MemoryError),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), MemoryError),
    ],
)
def test_ctrl_c_lack_of_memory_and_our_own_errors_stay_what_they_are(
    error: BaseException, seen: type[BaseException]
) -> None:
    for call in calls(error).values():
        with pytest.raises(seen):
            call()
    if isinstance(error, MelError):
        assert not isinstance(error, PluginError)


RUN_TIME = """
import numpy as np
from mel_debug.plugin import StageSpec, hookimpl

class Stage:
    patch, mean_colour = 8, (0, 0, 0)
    def extract(self, images): raise KeyError("layer 7")
    def match(self, queries, target, extractor): return None
    def render(self, query, target, match): return np.zeros((4, 4, 3))

def build(options): return Stage()

@hookimpl
def mel_extractors(): return [StageSpec("bad-x", "bad", build=build, patch=8, image_size=64)]
@hookimpl
def mel_matchers(): return [StageSpec("bad-m", "bad", build=build)]
@hookimpl
def mel_renderers(): return [StageSpec("bad-r", "bad", build=build)]
"""


@pytest.mark.slow
def test_the_command_ends_with_one_line_that_names_plugin_and_stage(
    tmp_path: Path, scene: Scene
) -> None:
    """Of each kind; and with MEL_DEBUG_TRACEBACK the plugin's own line is shown."""
    site = tmp_path / "site"
    site.mkdir()
    install(site, "acme", RUN_TIME)
    for option, name, reason in (
        ("--extractor", "bad-x", "failed with KeyError: 'layer 7'"),
        ("--similarity", "bad-m", "got None, expected a list of matches"),
        ("--renderer", "bad-r", "got a numpy array of float64, 4 x 4 x 3"),
    ):
        outcome = mel_debug(*scene.arguments(option, name), site=site)
        assert outcome.code == 1
        assert f"plugin 'acme', {option[2:].replace('similarity', 'matcher')} '{name}'" in (
            outcome.error
        )
        assert reason in outcome.error
        assert not scene.output.exists()


def test_vectors_of_a_masked_array_are_plain_ones() -> None:
    """Masked arrays of numpy are arrays, but calculate in their own way."""
    given = np.ma.masked_array(zeros(2, 2, 3, 4))
    assert type(built_extractor(Answering(given)).extract(BATCH)) is np.ndarray
