"""Each law of an extractor can be broken, and the check says which one was."""

import contextlib
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from mel_debug.core.option import Option
from mel_debug.core.stages import FeatureExtractor, StageSpec
from mel_debug.core.types import Pixels, Vectors
from mel_debug.testing import ContractError, SampleExtractor, check_extractor, extractors, laws
from mel_debug.testing.laws import Law

Spoil = Callable[[Vectors], Any]


@dataclass(frozen=True, slots=True)
class Toy(SampleExtractor):
    """The sample extractor, but `spoil` has the last word on its answer."""

    spoil: Spoil

    def extract(self, images: Pixels) -> Vectors:
        vectors: Vectors = self.spoil(SampleExtractor.extract(self, images))
        return vectors


class NoPatch(SampleExtractor):
    """Divides by nothing."""

    patch = 0


class Fractions(SampleExtractor):
    """Gives its colour as models do, from 0 to 1."""

    mean_colour: Any = (0.485, 0.456, 0.406)


class Scribbler(SampleExtractor):
    """Halves its images."""

    def extract(self, images: Pixels) -> Vectors:
        vectors = super().extract(images)
        images //= 2
        return vectors


class Fetcher(SampleExtractor):
    """Looks for a host, whatever the options say; in vain, since the name is reserved for that."""

    def extract(self, images: Pixels) -> Vectors:
        with contextlib.suppress(OSError):
            socket.create_connection(("weights.invalid", 80), timeout=0.1)
        return super().extract(images)


def offer_of(stage: FeatureExtractor, **changes: Any) -> StageSpec[FeatureExtractor]:
    offer: StageSpec[FeatureExtractor] = StageSpec("toy", "a toy", build=lambda _: stage, patch=8)
    return replace(offer, **changes)


def needs_two_cells(vectors: Vectors) -> Vectors:
    if vectors.shape[1] * vectors.shape[2] < 2:
        raise IndexError("too small")
    return vectors


def divides_by_zero(vectors: Vectors) -> Vectors:
    with np.errstate(all="ignore"):
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit


def with_noise() -> Spoil:
    random = np.random.default_rng(0)
    return lambda vectors: (vectors + random.normal(size=vectors.shape)).astype(np.float32)


def with_one_buffer() -> Spoil:
    buffers: dict[tuple[int, ...], Vectors] = {}

    def reuse(vectors: Vectors) -> Vectors:
        buffer = buffers.setdefault(vectors.shape, vectors)
        buffer[...] = vectors
        return buffer

    return reuse


BAD_ANSWERS: dict[str, tuple[Spoil, Law]] = {
    "fails for one cell": (needs_two_cells, extractors.EVERY_SIZE),
    "double precision": (lambda vectors: vectors.astype(np.float64), extractors.NUMPY),
    "a list": (lambda vectors: vectors.tolist(), extractors.NUMPY),
    "tokens": (
        lambda vectors: vectors.reshape(len(vectors), -1, 147),
        extractors.ONE_VECTOR_A_PATCH,
    ),
    "lengths of the image": (
        lambda vectors: vectors[..., : 7 + vectors.shape[1]],
        extractors.SAME_DIMENSIONS,
    ),
    "no care for zero": (divides_by_zero, extractors.FINITE),
    "one buffer for all": (with_one_buffer(), extractors.OUTPUT),
    "noise": (with_noise(), extractors.REPEATABLE),
    "less the batch's mean": (lambda vectors: vectors - vectors.mean(axis=0), extractors.BATCH),
    "blind": (np.ones_like, extractors.PIXELS),
}
A, B = Option("a", 1, "one"), Option("a", 2, "another of that name")
BAD_OFFERS: dict[str, tuple[StageSpec[FeatureExtractor], Law]] = {
    "no summary": (offer_of(SampleExtractor(), summary=" "), laws.SUMMARY),
    "one name twice": (offer_of(SampleExtractor(), options=(A, B)), laws.OPTION_NAMES),
    "default below minimum": (
        offer_of(SampleExtractor(), options=(replace(A, minimum=2),)),
        laws.OPTION_DEFAULTS,
    ),
    "patch of nothing": (offer_of(NoPatch()), extractors.PATCH),
    "a patch that is not declared": (
        offer_of(SampleExtractor(), patch=None),
        extractors.DECLARED_PATCH,
    ),
    "size that does not fit": (
        offer_of(SampleExtractor(), image_size=900),
        extractors.IMAGE_SIZE,
    ),
    "returns nothing": (offer_of(SampleExtractor(), build=lambda _: None), laws.METHODS),
    "fetches something": (offer_of(Fetcher()), laws.OFFLINE),
    "colour from 0 to 1": (offer_of(Fractions()), extractors.MEAN_COLOUR),
    "writes to its images": (offer_of(Scribbler()), extractors.INPUT),
}
BROKEN = BAD_OFFERS | {
    name: (offer_of(Toy(spoil)), law) for name, (spoil, law) in BAD_ANSWERS.items()
}


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_broken_extractor_is_told_which_law_it_breaks(mistake: str) -> None:
    """The message names the extractor and the law."""
    offer, law = BROKEN[mistake]
    with pytest.raises(
        ContractError, match=re.escape(f"extractor 'toy' broke the law \"{law.text}")
    ):
        check_extractor(offer)


def test_the_toy_that_is_spoiled_is_itself_sound() -> None:
    """So each mistake above is the only one."""
    check_extractor(offer_of(Toy(lambda vectors: vectors)))


def test_every_law_of_an_extractor_can_be_broken() -> None:
    """Those that all offers share are broken here too."""
    stated = [*vars(extractors).values(), *vars(laws).values()]
    broken = {law.text for _, law in BROKEN.values()}
    assert {law.text for law in stated if isinstance(law, Law)} == broken


def test_an_error_inside_a_stage_is_kept_as_the_cause() -> None:
    """The author sees where it was raised, not only which law it broke."""
    with pytest.raises(ContractError) as told:
        check_extractor(offer_of(Toy(needs_two_cells)))
    assert isinstance(told.value.__cause__, IndexError)


def test_what_build_raises_breaks_no_law() -> None:
    """Weights that are not there are no mistake of the plugin's."""

    def build(_options: object) -> FeatureExtractor:
        raise FileNotFoundError("weights")

    with pytest.raises(FileNotFoundError):
        check_extractor(offer_of(SampleExtractor(), build=build))
