"""The three stages as protocols, and the specs with which plugins register them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, runtime_checkable

from mel_debug.core.errors import UsageError
from mel_debug.core.option import Option, OptionValue

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mel_debug.core.types import Colour, FeatureMap, Match, Pixels, Query, Vectors

DEFAULT_IMAGE_SIZE = 896
"""Scaled pixels of the longer side, as in `dino3-map` of aevri/mel, which this program replaces."""


class FeatureExtractor(Protocol):
    """Computes one feature vector for each patch of images that are scaled and masked already."""

    @property
    def patch(self) -> int:
        """Side of a patch in pixels."""

    @property
    def mean_colour(self) -> "Colour":
        """The mean colour of the model's training images; masked pixels are painted with it."""

    def extract(self, images: "NDArray[np.uint8]") -> "Vectors":
        """Extract the features of a batch of images of one size.

        `images` is (count, height, width, 3) RGB with sides that are multiples of `patch`; the
        result is (count, height / patch, width / patch, dimensions) float32.
        """


class Matcher(Protocol):
    """Finds moles in a target."""

    def match(
        self, queries: "Sequence[Query]", target: "FeatureMap", extractor: FeatureExtractor
    ) -> "list[Match]":
        """Return one match for each query, in their order.

        Work that depends only on the photos can be shared by all queries of the call. `extractor`
        computed the features and can extract those of further windows of `view.features.photo` and
        `target.photo`; most matchers don't need it.
        """


class PhotoMap(Protocol):
    """A map from the points of a source photo to those of a target photo, in photo pixels.

    It is defined everywhere, but known only where the photos share skin; `std_px` says where.
    """

    def points(self, points: "Points") -> "Points":
        """Map (n, 2) points (x, y) of the source to points of the target."""

    def jacobians(self, points: "Points") -> "Points":
        """Return (n, 2, 2): change of the target's (x, y), by row, per source pixel, by column."""

    def std_px(self, points: "Points") -> "Points":
        """Return (n,): the standard deviations of the mapped points, in pixels of the target."""


@runtime_checkable
class MapsPhotos(Protocol):
    """A matcher that knows where whole photos lie in each other; matchers need not be one."""

    def photo_map(
        self,
        source: "FeatureMap",
        target: "FeatureMap",
        extractor: FeatureExtractor,
        meanwhile: Callable[[], None] | None = None,
    ) -> PhotoMap | None:
        """Return the map from source to target; None if the photos share too little.

        A matcher that has a provisional map before it is done may call `meanwhile`, any number of
        times. What it calls may ask this matcher for matches of these photos, which are then
        provisional as well. It raises nothing.
        """


class Renderer(Protocol):
    """Draws one match."""

    def render(self, query: "Query", target: "FeatureMap", match: "Match") -> "Pixels":
        """Return a (height, width, 3) uint8 RGB picture of any size, with `match.best` marked."""


if TYPE_CHECKING:
    Points = NDArray[np.floating]


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


class ResultCache(Protocol):
    """Stores arrays that a stage has computed from photos, by key, in the cache of their features.

    A key is 64 hexadecimal digits, the SHA-256 of all that the arrays depend on: the `key` of each
    feature map, and the releases and options that matter. `of_pair` is whether the arrays are about
    two photos or about one; it is for the cache's statistics, and must be the same in both calls.
    """

    def find(self, key: str, *, of_pair: bool = True) -> "dict[str, NDArray[Any]] | None":
        """The arrays of a key by name; None if there are none or they are damaged."""

    def store(
        self, key: str, arrays: "Mapping[str, NDArray[Any]]", *, of_pair: bool = True
    ) -> None:
        """Store arrays under a key; a cache that can't be written causes a warning, no error."""


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """The settings that a stage is built with.

    `options["name"]` is the value of one of the stage's own options. `device` is `auto`, `cpu`,
    `cuda` or `mps`; `weights` is a checkpoint to load instead of the published one; `offline`
    forbids downloads. `runtime` is `auto` or a name such as `torch`, `precision` is `f32` or
    `bf16`, and `threads` limits processor threads (None: no limit). `artifacts` is None if nothing
    may be stored, and `results` if nothing about photos may be.

    Runtimes share cached features in f32, so they must agree to 1e-4 of a vector's length. An
    extractor whose runtimes differ more must include the runtime in `StageSpec.depends_on`.
    """

    device: str = "auto"
    weights: Path | None = None
    offline: bool = False
    values: Mapping[str, OptionValue] = field(default_factory=dict)
    runtime: str = "auto"
    precision: str = "f32"
    threads: int | None = None
    artifacts: ArtifactCache | None = None
    results: ResultCache | None = None

    def __getitem__(self, name: str) -> Any:
        if name not in self.values:
            raise UsageError(f"option {name!r} has no value; build stages with StageSpec.create()")
        return self.values[name]


Stage_co = TypeVar("Stage_co", covariant=True)


@dataclass(frozen=True, slots=True)
class StageSpec(Generic[Stage_co]):
    """A named stage: how to build it, and what is needed before it is built.

    `build` returns the stage for a BuildOptions that has a value of every option; heavy imports
    belong inside it. Call `create` instead, which checks values and fills in defaults.

    For extractors: `patch` is the side of a patch in scaled pixels, a number or a function of the
    stage's option values; it allows a wrong image size to be reported before weights are loaded.
    `image_size` is the default size of the longer side in scaled pixels, and `preset` the default
    preset. `runtimes` and `precisions` are the supported ones. Extractors of one `family` share
    calibrations; the default is the name. `depends_on` returns, without building the extractor,
    what the features depend on besides pixels and options: texts (such as the version of a library)
    and files (weights, by content), or None while that is unknown (such as for weights that are not
    downloaded yet). Features are cached only for extractors with a `depends_on`. `auto_precision`
    returns the precision that `auto` stands for on this machine, one of `precisions`; it should be
    chosen only where it was measured to be faster with features that agree. The default is f32.

    For matchers and renderers: `reads_pixels=False` promises that the stage never reads full-size
    pixels; it may use feature vectors, valid cells, previews and `Photo.displayed`. The pixels,
    about 100 MB for each photo, are then freed as soon as its features are extracted.
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
    auto_precision: Callable[[BuildOptions], str] | None = None

    def __post_init__(self) -> None:
        if not self.name or self.name != self.name.strip() or " " in self.name:
            raise ValueError(f"the name of a stage is one word, not {self.name!r}")
        if not all(isinstance(option, Option) for option in self.options):
            raise ValueError(f"the options of {self.name} must be Options, not {self.options!r}")

    def create(self, given: BuildOptions | None = None, /, **options: OptionValue) -> Stage_co:
        """Build the stage with `options` by name; those left out have their defaults.

        `given` has the other settings, and may have option values as well. Raises UsageError for an
        unknown option or a wrong value, and whatever building raises, for example WeightsError if
        weights are missing.
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
                options = f"it has: {', '.join(sorted(known))}" if known else "it has none"
                raise UsageError(f"{self.name} has no option {name!r}; {options}")
        return {
            name: _checked(option, given[name]) if name in given else option.default
            for name, option in known.items()
        }

    def patch_for(self, values: Mapping[str, OptionValue]) -> int | None:
        """The side of a patch in scaled pixels for these option values; None if undeclared."""
        return self.patch(values) if callable(self.patch) else self.patch

    @property
    def calibration_family(self) -> str:
        """The name under which calibrations of this extractor's family are stored."""
        return self.family or self.name


def _checked(option: Option, value: OptionValue) -> OptionValue:
    return option.parse(value) if isinstance(value, str) else option.check(value)


@dataclass(frozen=True, slots=True)
class Preset:
    """A named combination of a matcher and its options, such as `fast`."""

    name: str
    summary: str
    matcher: str
    options: Mapping[str, OptionValue] = field(default_factory=dict)
