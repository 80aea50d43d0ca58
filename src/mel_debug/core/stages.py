"""The three stages as protocols, and the offers by which a plugin makes them available."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from mel_debug.core.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mel_debug.core.types import Colour, FeatureMap, Match, Pixels, Query, Vectors

DEFAULT_IMAGE_SIZE = 896


class FeatureExtractor(Protocol):
    """Turns pixels into one descriptor a patch. Fitting, masks and caches are the pipeline's."""

    @property
    def patch(self) -> int:
        """Side of a patch in pixels."""

    @property
    def mean_colour(self) -> "Colour":
        """The colour that means nothing to the model; masked pixels are painted with it."""

    def extract(self, images: "NDArray[np.uint8]") -> "Vectors":
        """Describe a batch of images of one size.

        `images` is (count, height, width, 3) RGB with sides that divide by `patch`; the result is
        (count, height / patch, width / patch, dimensions) float32.
        """


class Matcher(Protocol):
    """Finds moles in a target."""

    def match(
        self, queries: "Sequence[Query]", target: "FeatureMap", extractor: FeatureExtractor
    ) -> "list[Match]":
        """One match a query, in their order.

        All queries share the call, so that many moles cost little more than one. `extractor` made
        the features and can describe more pixels of `view.features.photo` and `target.photo`; most
        matchers don't need it.
        """


class Renderer(Protocol):
    """Draws one match."""

    def render(self, query: "Query", target: "FeatureMap", match: "Match") -> "Pixels":
        """The picture as (height, width, 3) uint8 RGB, any size. Draws `match.best`."""


OptionValue = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Option:
    """One setting of a stage, set with `-o NAME VALUE`.

    The default's type is the option's type. `choices` limits a text, `minimum` and `above` (which
    is itself excluded) a number.
    """

    name: str
    default: OptionValue
    help: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    above: float | None = None

    def __post_init__(self) -> None:
        if type(self.default) not in _KINDS:
            raise ValueError(f"option {self.name!r} needs a default that tells its type")

    def parse(self, text: str) -> OptionValue:
        """The value a text stands for. Raises UsageError when it is none of the option's type."""
        kind = type(self.default)
        try:
            value = _BOOLEANS[text.lower()] if kind is bool else kind(text)
        except (ValueError, KeyError):
            raise UsageError(f"option {self.name!r} takes {_KINDS[kind]}, not {text!r}") from None
        if isinstance(value, float) and not isfinite(value):
            raise UsageError(f"option {self.name!r} takes a finite number, not {text!r}")
        if self.choices and value not in self.choices:
            raise UsageError(f"option {self.name!r} is one of {', '.join(self.choices)}")
        if self.minimum is not None and not float(value) >= self.minimum:
            raise UsageError(f"option {self.name!r} is at least {self.minimum:g}, not {text}")
        if self.above is not None and not float(value) > self.above:
            raise UsageError(f"option {self.name!r} is above {self.above:g}, not {text}")
        return value


_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_KINDS = {bool: "yes or no", int: "a whole number", float: "a number", str: "a text"}


@dataclass(frozen=True, slots=True)
class ArtifactCache:
    """Where a stage may keep what it can make again, such as a compiled model.

    The `folder` is there once something is kept; other processes and stages use it too. `digest`
    tells the content of a file as 64 hexadecimal digits, remembered between runs.
    """

    folder: Path
    digest: Callable[[Path], str]


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What a stage is built with.

    `options["name"]` gives the value of one of the offer's own options. `device` is `auto`, `cpu`,
    `cuda` or `mps`; `weights` a checkpoint to load in place of the published one; `offline` forbids
    the network. `runtime` is `auto`, `torch` or `openvino`, `precision` `f32` or `bf16`, and
    `threads` how many to compute with, None for all. `keeping` is None where nothing may be kept.

    Features in f32 are shared between runtimes: they must agree to 1e-4 of a vector's length. An
    extractor of which they do not says its runtime in `StageSpec.depends_on`.
    """

    device: str = "auto"
    weights: Path | None = None
    offline: bool = False
    values: Mapping[str, OptionValue] = field(default_factory=dict)
    runtime: str = "auto"
    precision: str = "f32"
    threads: int | None = None
    keeping: ArtifactCache | None = None

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


Stage_co = TypeVar("Stage_co", covariant=True)


@dataclass(frozen=True, slots=True)
class StageSpec(Generic[Stage_co]):
    """A stage that can be had by name. Cheap to make: `build` does the heavy imports.

    An extractor's offer also tells its `patch` and the `image_size` that suits it, in scaled
    pixels, so that a size that does not fit is refused before any weights are loaded, the `preset`
    it is best used with, if any, and the `runtimes` and `precisions` that it can be built with.

    `depends_on` tells, without building, what an extractor's vectors depend on besides pixels and
    its options: texts (the version of a library) and files (weights, of which the content counts).
    It gives None while that can't be known, as for weights not fetched yet. Features are remembered
    between runs only for extractors that have it.

    A matcher or renderer that never looks at a photo's full pixels (vectors, kept cells, previews
    and `Photo.shown` are not that) says so with `reads_pixels`: 100 MB a photo are then let go of.
    """

    name: str
    summary: str
    build: Callable[[BuildOptions], Stage_co]
    options: tuple[Option, ...] = ()
    patch: int | None = None
    image_size: int = DEFAULT_IMAGE_SIZE
    preset: str | None = None
    runtimes: tuple[str, ...] = ("torch",)
    precisions: tuple[str, ...] = ("f32",)
    reads_pixels: bool = True
    depends_on: "Callable[[BuildOptions], Sequence[str | Path] | None] | None" = None

    def __post_init__(self) -> None:
        if not self.name or self.name != self.name.strip() or " " in self.name:
            raise ValueError(f"an offer's name is one word, not {self.name!r}")
        if not all(isinstance(option, Option) for option in self.options):
            raise ValueError(f"the options of {self.name} must be Options, not {self.options!r}")

    def values(self, given: Mapping[str, str]) -> dict[str, OptionValue]:
        """The value of each of the offer's options: its default or the parsed text in `given`."""
        return {
            option.name: option.parse(given[option.name])
            if option.name in given
            else option.default
            for option in self.options
        }
