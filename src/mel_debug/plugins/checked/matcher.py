"""A matcher whose matches are checked."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isfinite
from numbers import Real
from typing import TYPE_CHECKING, Any

from mel_debug.core.stages import FeatureExtractor, MapsPhotos, Matcher, PhotoMap, StageSpec
from mel_debug.plugins.checked.source import CheckedBuild, Source, require_method, shown

if TYPE_CHECKING:
    from mel_debug.core.types import FeatureMap, Match, Query


def checked_matcher(spec: StageSpec[Matcher], plugin: str) -> StageSpec[Matcher]:
    """The spec of a matcher of a plugin, with results checked by `CheckedMatcher`."""
    source = Source(plugin, "matcher", spec.name)
    return replace(spec, build=CheckedBuild(source, spec.build, _checked_matcher))


class CheckedMatcher:
    """A matcher whose matches are checked; numpy numbers are converted to Python's."""

    def __init__(self, matcher: Matcher, source: Source) -> None:
        require_method(matcher, "match", source)
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
                raise self._source.broken(shown(matches), "a list of matches")
        if len(matches) != len(queries):
            raise self._source.broken(
                f"{len(matches)} matches", f"{len(queries)}, one for each query"
            )
        for query, match in zip(queries, matches, strict=True):
            if not isinstance(match, Match):
                raise self._source.broken(shown(match), "a Match for each query")
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
        for name, found in (("notes", match.notes), ("details", match.details)):
            if not isinstance(found, tuple) or not all(isinstance(n, str) for n in found):
                raise source.broken(f"{name} = {shown(found)}", "a tuple of sentences")
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
                raise self._source.broken(f"support[{name!r}] = {shown(measured)}", "a Measurement")
            numbers[f"support[{name!r}]"] = measured.value
        for name in ("cycle_error_px", "refined_score", "position_std_px"):
            if (value := getattr(match, name)) is not None:
                numbers[name] = value
        for name, value in numbers.items():
            if not _is_number(value):
                raise self._source.broken(f"{name} = {shown(value)}", "a finite number")
        return numbers


class CheckedMappingMatcher(CheckedMatcher):
    """A checked matcher that also maps whole photos; see `MapsPhotos`."""

    def photo_map(
        self,
        source: "FeatureMap",
        target: "FeatureMap",
        extractor: FeatureExtractor,
        meanwhile: Callable[[], None] | None = None,
    ) -> PhotoMap | None:
        """See `MapsPhotos.photo_map`."""
        assert isinstance(self._matcher, MapsPhotos)  # noqa: S101 - see `_checked_matcher`
        with self._source.called():
            return self._matcher.photo_map(source, target, extractor, meanwhile)


def _checked_matcher(matcher: Matcher, source: Source) -> CheckedMatcher:
    kind = CheckedMappingMatcher if isinstance(matcher, MapsPhotos) else CheckedMatcher
    return kind(matcher, source)


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
