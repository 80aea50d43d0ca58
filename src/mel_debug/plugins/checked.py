"""Wrappers of stages that check their results against the protocols in `mel_debug.core.stages`.

A wrapper raises PluginError, with the names of the plugin and the stage, if the stage raises
anything but a MelError, or returns a result that violates its protocol. The checks take a small
share of the time of the stage.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import isfinite
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mel_debug.core.errors import TRACEBACK, MelError, PluginError, is_out_of_memory, kind_and_text
from mel_debug.core.stages import (
    BuildOptions,
    FeatureExtractor,
    MapsPhotos,
    Matcher,
    PhotoMap,
    Renderer,
    StageSpec,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mel_debug.core.types import Colour, FeatureMap, Match, Pixels, Query, Vectors

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """The origin of a stage, for messages: `stage` is extractor, matcher or renderer."""

    plugin: str
    stage: str
    name: str

    def __str__(self) -> str:
        return f"plugin {self.plugin!r}, {self.stage} {self.name!r}"

    def broken(
        self, got: str, expected: str, advice: str = "report it to its author"
    ) -> PluginError:
        """The error for a stage that returned something unexpected."""
        return PluginError(f"{self}: got {got}, expected {expected}; {advice}")

    @contextmanager
    def called(self) -> Iterator[None]:
        """Context of a call of the stage: turns all errors but MelError into PluginError."""
        try:
            yield
        except (MelError, KeyboardInterrupt):
            raise
        except BaseException as error:
            if is_out_of_memory(error):
                raise MemoryError(kind_and_text(error)) from error
            raise PluginError(
                f"{self} failed with {kind_and_text(error)} (set {TRACEBACK}=1 to see where)"
            ) from error


@dataclass(frozen=True, slots=True)
class CheckedBuild(Generic[T]):
    """Builds a stage and wraps it; a dataclass, so that specs compare by value."""

    source: Source
    build: Callable[[BuildOptions], T]
    wrap: Callable[[T, Source], T]

    def __call__(self, options: BuildOptions) -> T:
        """Build and wrap the stage. Raises MelError, and PluginError for any other error."""
        with self.source.called():
            built = self.build(options)
        return self.wrap(built, self.source)


@dataclass(frozen=True, slots=True)
class CheckedDependencies:
    """Checks that `depends_on` of an extractor returns texts and paths, or None."""

    source: Source
    depends_on: Callable[[BuildOptions], Sequence[str | Path] | None]

    def __call__(self, options: BuildOptions) -> Sequence[str | Path] | None:
        """See `StageSpec.depends_on`."""
        with self.source.called():
            parts = self.depends_on(options)
            if parts is not None and not all(isinstance(part, str | Path) for part in parts):
                raise self.source.broken(
                    f"depends_on = {_shown(parts)}", "texts and paths only, or None"
                )
        return parts


def checked_extractor(
    spec: StageSpec[FeatureExtractor], plugin: str
) -> StageSpec[FeatureExtractor]:
    """The spec of an extractor of a plugin, with results checked by `CheckedExtractor`."""
    source = Source(plugin, "extractor", spec.name)
    build = CheckedBuild(source, spec.build, CheckedExtractor)
    depends_on = None if spec.depends_on is None else CheckedDependencies(source, spec.depends_on)
    return replace(spec, build=build, depends_on=depends_on)


def checked_matcher(spec: StageSpec[Matcher], plugin: str) -> StageSpec[Matcher]:
    """The spec of a matcher of a plugin, with results checked by `CheckedMatcher`."""
    source = Source(plugin, "matcher", spec.name)
    return replace(spec, build=CheckedBuild(source, spec.build, _checked_matcher))


def checked_renderer(spec: StageSpec[Renderer], plugin: str) -> StageSpec[Renderer]:
    """The spec of a renderer of a plugin, with results checked by `CheckedRenderer`."""
    source = Source(plugin, "renderer", spec.name)
    return replace(spec, build=CheckedBuild(source, spec.build, CheckedRenderer))


class CheckedExtractor:
    """An extractor whose results are checked; all vectors must have the same length."""

    def __init__(self, extractor: FeatureExtractor, source: Source) -> None:
        _require_method(extractor, "extract", source)
        self._extractor = extractor
        self._source = source
        self._dimensions: int | None = None
        with source.called():
            patch = extractor.patch
        if isinstance(patch, bool) or not isinstance(patch, int) or patch < 1:
            raise source.broken(f"a patch of {_shown(patch)}", "a whole number of pixels above 0")
        self.patch = patch

    @property
    def mean_colour(self) -> "Colour":
        with self._source.called():
            colour = self._extractor.mean_colour
        good = isinstance(colour, tuple | list) and len(colour) == 3
        if not good or not all(isinstance(part, int) and 0 <= part <= 255 for part in colour):
            raise self._source.broken(
                f"a mean_colour of {_shown(colour)}", "three whole numbers from 0 to 255"
            )
        red, green, blue = colour
        return red, green, blue

    def extract(self, images: "NDArray[np.uint8]") -> "Vectors":
        """See `FeatureExtractor.extract`."""
        import numpy as np

        with self._source.called():
            vectors = self._extractor.extract(images)
        count, height, width = images.shape[:3]
        expected = (count, height // self.patch, width // self.patch)
        if (
            not isinstance(vectors, np.ndarray)
            or vectors.dtype != np.float32
            or vectors.ndim != 4
            or vectors.shape[:3] != expected
            or not vectors.shape[3]
        ):
            raise self._source.broken(
                _shown(vectors),
                f"a numpy array of float32, {expected[0]} x {expected[1]} x {expected[2]} x "
                "dimensions",
            )
        dimensions = vectors.shape[3]
        if self._dimensions not in (None, dimensions):
            raise self._source.broken(
                f"vectors of {dimensions} numbers", f"{self._dimensions}, as before"
            )
        self._dimensions = dimensions
        vectors = np.asarray(vectors)  # a masked array would compute other extremes
        # All values are finite if the extremes are; computing these needs no memory.
        if vectors.size and not (np.isfinite(vectors.min()) and np.isfinite(vectors.max())):
            raise self._source.broken(
                "vectors with NaN or infinity", "finite numbers", "try other `weights`"
            )
        return vectors


class CheckedMatcher:
    """A matcher whose matches are checked; numpy numbers are converted to Python's."""

    def __init__(self, matcher: Matcher, source: Source) -> None:
        _require_method(matcher, "match", source)
        self._matcher = matcher
        self._source = source

    def match(
        self, queries: "Sequence[Query]", target: "FeatureMap", extractor: FeatureExtractor
    ) -> "list[Match]":
        """See `Matcher.match`."""
        from mel_debug.core.types import Match

        with self._source.called():
            matches = self._matcher.match(queries, target, extractor)
            if not isinstance(matches, list | tuple):
                raise self._source.broken(_shown(matches), "a list of matches")
        if len(matches) != len(queries):
            raise self._source.broken(
                f"{len(matches)} matches", f"{len(queries)}, one for each query"
            )
        for query, match in zip(queries, matches, strict=True):
            if not isinstance(match, Match):
                raise self._source.broken(_shown(match), "a Match for each query")
            if match.uuid != query.uuid:
                raise self._source.broken(
                    f"a match of mole {match.uuid}",
                    f"one of mole {query.uuid}: matches come in the order of the queries",
                )
        with self._source.called():  # fields of a wrong type may raise any error
            return [self._checked(match, target) for match in matches]

    def _checked(self, match: "Match", target: "FeatureMap") -> "Match":
        import numpy as np

        size, best, source = target.photo.size, match.best, self._source
        if match.grid != target.grid:
            raise source.broken("a match on another grid", "target.grid")
        numbers = self._numbers(match)
        if not (0 <= best.x < size.width and 0 <= best.y < size.height):
            raise source.broken(
                f"the place ({best.x:g}, {best.y:g})",
                f"one inside the photo {target.photo.name} of {size} pixels",
            )
        if match.valid.dtype != bool or (match.valid & ~target.valid).any():
            raise source.broken("valid cells that the target's mask hides", "target.valid")
        if not isinstance(match.notes, tuple) or not all(isinstance(n, str) for n in match.notes):
            raise source.broken(f"notes = {_shown(match.notes)}", "a tuple of sentences")
        scores = match.scores[match.valid]
        if scores.dtype.kind != "f" or not np.isfinite(scores).all():
            raise source.broken(
                f"scores that are not finite, or of type {scores.dtype}",
                "finite float32 in every valid cell",
            )
        is_plain = all(type(number) in (int, float) for number in numbers.values())
        return match if is_plain else _plain(match)

    def _numbers(self, match: "Match") -> dict[str, float]:
        """All numbers of a match by the name of their field. Raises PluginError for a wrong one."""
        from mel_debug.core.types import Measurement

        numbers = {"best.x": match.best.x, "best.y": match.best.y, "score": match.score}
        numbers |= {f"moves_px[{i}]": move for i, move in enumerate(match.moves_px)}
        for name, measured in match.support.items():
            if not isinstance(measured, Measurement):
                raise self._source.broken(
                    f"support[{name!r}] = {_shown(measured)}", "a Measurement"
                )
            numbers[f"support[{name!r}]"] = measured.value
        for name in ("cycle_error_px", "refined_score", "position_std_px"):
            if (value := getattr(match, name)) is not None:
                numbers[name] = value
        for name, value in numbers.items():
            if not _is_number(value):
                raise self._source.broken(f"{name} = {_shown(value)}", "a finite number")
        return numbers


class CheckedMappingMatcher(CheckedMatcher):
    """A checked matcher that also maps whole photos; see `MapsPhotos`."""

    def photo_map(
        self, source: "FeatureMap", target: "FeatureMap", extractor: FeatureExtractor
    ) -> PhotoMap | None:
        """See `MapsPhotos.photo_map`."""
        assert isinstance(self._matcher, MapsPhotos)  # noqa: S101 - see `_checked_matcher`
        with self._source.called():
            return self._matcher.photo_map(source, target, extractor)


def _checked_matcher(matcher: Matcher, source: Source) -> CheckedMatcher:
    kind = CheckedMappingMatcher if isinstance(matcher, MapsPhotos) else CheckedMatcher
    return kind(matcher, source)


class CheckedRenderer:
    """A renderer whose pictures are checked."""

    def __init__(self, renderer: Renderer, source: Source) -> None:
        _require_method(renderer, "render", source)
        self._renderer = renderer
        self._source = source

    def render(self, query: "Query", target: "FeatureMap", match: "Match") -> "Pixels":
        """See `Renderer.render`."""
        import numpy as np

        with self._source.called():
            picture = self._renderer.render(query, target, match)
        if (
            not isinstance(picture, np.ndarray)
            or picture.dtype != np.uint8
            or picture.ndim != 3
            or picture.shape[2] != 3
            or not picture.size
        ):
            raise self._source.broken(
                _shown(picture), "a picture: a numpy array of uint8, height x width x 3"
            )
        return picture


def _require_method(stage: object, name: str, source: Source) -> None:
    if isinstance(stage, type):
        raise source.broken(f"the class {stage.__name__}", "an object of it")
    if not callable(getattr(stage, name, None)):
        raise source.broken(_shown(stage), f"an object with a method {name}")


def _shown(value: object) -> str:
    """A short description of any value."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None and len(shape):
        sides = " x ".join(map(str, shape))
        kind = "numpy array" if type(value).__module__ == "numpy" else type(value).__name__
        return f"a {kind} of {dtype}, {sides}"
    if value is None or isinstance(value, bool | int | float | str | complex):
        return repr(value)[:60]
    if isinstance(value, tuple) and len(value) < 5:
        return f"({', '.join(map(_shown, value))})"
    return f"an object of type {type(value).__name__}"


def _is_number(value: Any) -> bool:
    """Whether a value is a finite real number, of Python or numpy."""
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(float(value))


def _plain(match: "Match") -> "Match":
    """The match with numbers of Python instead of numpy, as JSON needs them."""
    from mel_debug.core.geometry import Point

    return replace(
        match,
        best=Point(float(match.best.x), float(match.best.y)),
        score=float(match.score),
        refined_score=_float(match.refined_score),
        position_std_px=_float(match.position_std_px),
        cycle_error_px=_float(match.cycle_error_px),
        moves_px=tuple(float(move) for move in match.moves_px),
        support={
            name: replace(each, value=float(each.value)) for name, each in match.support.items()
        },
    )


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)
