"""The three stages as protocols, and the offers by which a plugin makes them available."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
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
        """The value that a text stands for. Raises UsageError if it is not of the option's type."""
        kind = type(self.default)
        try:
            return self.check(_BOOLEANS[text.lower()] if kind is bool else kind(text))
        except (ValueError, KeyError):
            raise self._wrong_type(text) from None

    def check(self, value: OptionValue) -> OptionValue:
        """The value itself; a number, also one of numpy, as the option's own type.

        Raises UsageError if it has another type or lies outside the option's choices or limits.
        """
        kind = type(self.default)
        if kind is float and isinstance(value, Real) and not isinstance(value, bool):
            value = _as_float(value)
        elif kind is int and isinstance(value, Integral) and not isinstance(value, bool):
            value = int(value)
        if type(value) is not kind:
            raise self._wrong_type(value)
        if self.choices and value not in self.choices:
            raise UsageError(f"option {self.name!r} is one of {', '.join(self.choices)}")
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"option {self.name!r} takes a finite number, not {value}")
        if isinstance(value, int | float):
            self._check_limits(value)
        return value

    def _check_limits(self, value: float) -> None:
        if self.minimum is not None and not value >= self.minimum:
            raise UsageError(f"option {self.name!r} is at least {self.minimum:g}, not {value}")
        if self.above is not None and not value > self.above:
            raise UsageError(f"option {self.name!r} is above {self.above:g}, not {value}")

    def _wrong_type(self, value: object) -> UsageError:
        return UsageError(f"option {self.name!r} takes {_KINDS[type(self.default)]}, not {value!r}")


def _as_float(value: Real) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number with hundreds of digits
        return math.inf


_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_KINDS = {bool: "yes or no", int: "a whole number", float: "a number", str: "a text"}


class ArtifactCache(Protocol):
    """Stores what a stage can make again, such as a converted model, in folders by key.

    A key is 64 hexadecimal digits, such as the SHA-256 of all that the content depends on. Other
    processes and other stages use the same store.
    """

    def digest(self, path: Path) -> str:
        """The SHA-256 of a file as 64 hexadecimal digits, computed once while it is unchanged.

        Raises UsageError if the file is missing and MelError if it cannot be read.
        """

    def find(self, key: str) -> Path | None:
        """The folder stored under a key; None if there is none or a file in it is damaged."""

    def store(
        self, key: str, save: Callable[[Path], object], *, later: tuple[str, ...] = ()
    ) -> Path:
        """Let `save` write files into an empty folder, store it under a key and return its path.

        `later` are patterns, such as `compiled/*.blob`, of files that the stage may add to the
        stored folder afterwards. Raises MelError if the store cannot be written.
        """

    def discard(self, key: str) -> None:
        """Remove the folder of a key, for example because its content turned out to be unusable."""


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What a stage is built with.

    `options["name"]` gives the value of one of the offer's own options. `device` is `auto`, `cpu`,
    `cuda` or `mps`; `weights` a checkpoint to load in place of the published one; `offline` forbids
    the network. `runtime` is `auto`, `torch` or `openvino`, `precision` `f32` or `bf16`, and
    `threads` how many to compute with, None for all. `artifacts` is None if nothing may be stored.

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
    artifacts: ArtifactCache | None = None

    def __getitem__(self, name: str) -> Any:
        if name not in self.values:
            raise UsageError(f"option {name!r} has no value; make stages with StageSpec.create()")
        return self.values[name]


Stage_co = TypeVar("Stage_co", covariant=True)


@dataclass(frozen=True, slots=True)
class StageSpec(Generic[Stage_co]):
    """A named stage and everything the program must know before building it.

    `build` makes the stage from complete options; heavy imports belong in it. Call `create`, which
    fills in defaults and checks values. `options` are the settings of this stage.

    For extractors: `patch` is the side of a patch in scaled pixels, a number or a function of the
    stage's option values, so that an image size that does not fit is refused before weights are
    loaded. `image_size` is the default one, in scaled pixels, and `preset` the default preset.
    `runtimes` and `precisions` list what it can be built with. Extractors of one `family` share
    calibrations; the default is the name. `depends_on` returns, without building, what the features
    depend on besides pixels and options: texts (the version of a library) and files (weights, by
    content), or None while that is unknown, such as for weights not downloaded yet. Features are
    cached only for extractors with a `depends_on`.

    For matchers and renderers: `reads_pixels` False promises that full-size pixels are never read
    (feature vectors, valid cells, previews and `Photo.shown` are not those); the photo's 100 MB can
    then be freed as soon as its features are extracted.
    """

    name: str
    summary: str
    build: Callable[[BuildOptions], Stage_co]
    options: tuple[Option, ...] = ()
    patch: int | Callable[[Mapping[str, OptionValue]], int] | None = None
    image_size: int = DEFAULT_IMAGE_SIZE
    preset: str | None = None
    family: str | None = None
    runtimes: tuple[str, ...] = ("torch",)
    precisions: tuple[str, ...] = ("f32",)
    reads_pixels: bool = True
    depends_on: "Callable[[BuildOptions], Sequence[str | Path] | None] | None" = None

    def __post_init__(self) -> None:
        if not self.name or self.name != self.name.strip() or " " in self.name:
            raise ValueError(f"the name of a stage is one word, not {self.name!r}")
        if not all(isinstance(option, Option) for option in self.options):
            raise ValueError(f"the options of {self.name} must be Options, not {self.options!r}")

    def create(self, given: BuildOptions | None = None, /, **options: OptionValue) -> Stage_co:
        """Build the stage with `options` by name; those left out have their defaults.

        `given` says where and with what to build; its own option values are used too. Raises
        UsageError for an unknown option or a wrong value, and MelError as the stage does, for
        example when its weights are missing.
        """
        given = given or BuildOptions()
        return self.build(replace(given, values=self.values({**given.values, **options})))

    def values(self, given: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
        """The value of each of the stage's options: the one in `given`, checked, or its default.

        Texts are parsed. Raises UsageError for an unknown option or a wrong value.
        """
        known = {option.name: option for option in self.options}
        for name in given:
            if name not in known:
                there = f"it has: {', '.join(sorted(known))}" if known else "it has none"
                raise UsageError(f"{self.name} has no option {name!r}; {there}")
        return {
            name: _checked(option, given[name]) if name in given else option.default
            for name, option in known.items()
        }

    def patch_for(self, values: Mapping[str, OptionValue]) -> int | None:
        """The side of a patch in scaled pixels at these option values; None if undeclared."""
        return self.patch(values) if callable(self.patch) else self.patch

    @property
    def calibration_family(self) -> str:
        """The name under which calibrations of this extractor and its relatives are stored."""
        return self.family or self.name


def _checked(option: Option, value: OptionValue) -> OptionValue:
    return option.parse(value) if isinstance(value, str) else option.check(value)


@dataclass(frozen=True, slots=True)
class Preset:
    """A named combination of a matcher and its options, such as `fast`; plugins may offer some."""

    name: str
    summary: str
    matcher: str
    options: Mapping[str, OptionValue] = field(default_factory=dict)
