"""Finding the marked moles of source photos in a target photo."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mel_debug.confidence.evidence import RIVAL_SHARE
from mel_debug.confidence.judge import Judge
from mel_debug.core.errors import MelError, PluginError
from mel_debug.core.geometry import Point
from mel_debug.core.peaks import distinct_peaks
from mel_debug.core.stages import Matcher
from mel_debug.core.types import FeatureMap, Match, Photo, Query, View
from mel_debug.matching.features import Features

Marks = Sequence[tuple[Photo, Point]]
"""Where one mole is marked: photos, and the mole's point in each."""

MarkedViews = Mapping[str, Marks] | Sequence[tuple[str, Marks]]
"""The marks of each mole by uuid; as pairs where several moles may have one uuid."""


@dataclass(frozen=True, slots=True, eq=False)
class Located:
    """The result of a search: `matches[i]` is the match of `queries[i]` in `target`."""

    queries: tuple[Query, ...]
    target: FeatureMap
    matches: tuple[Match, ...]


def locate(
    marked_views: MarkedViews,
    target: Photo,
    features: Features,
    matcher: Matcher,
    judge: Judge | None = None,
) -> Located:
    """Find every mole of `marked_views` in the target, extracting features once for each photo.

    With a judge every match gets its confidence; see `judge.judge_for`. Raises MelError for a mark
    that lies outside its photo or is hidden by its mask, and PluginError if the matcher does not
    return one match for each mole, in their order.
    """
    maps: dict[int, FeatureMap] = {}

    def features_of(photo: Photo) -> FeatureMap:
        if id(photo) not in maps:
            maps[id(photo)] = features.of(photo)
        return maps[id(photo)]

    marked = list(marked_views.items() if isinstance(marked_views, Mapping) else marked_views)
    for uuid, marks in marked:
        for photo, point in marks:
            check_mark(uuid, photo, point)
    queries = tuple(
        Query(uuid, tuple(_view(uuid, features_of(photo), point) for photo, point in marks))
        for uuid, marks in marked
    )
    target_features = features_of(target)
    matches = tuple(matcher.match(queries, target_features, features.extractor))
    if [match.uuid for match in matches] != [query.uuid for query in queries]:
        raise PluginError(
            f"the matcher returned {len(matches)} matches for {len(queries)} queries, or not in "
            "their order"
        )
    if judge is not None:
        matches = tuple(
            judge.with_confidence(query, target_features, match)
            for query, match in zip(queries, matches, strict=True)
        )
    return Located(queries, target_features, matches)


def distinct_candidates(match: Match, most: int) -> list[tuple[Point, float]]:
    """At most `most` places with their scores: the match, then the next best peaks of its scores.

    Places are in pixels of the target, at least `RIVAL_SHARE` of its longer side apart.
    """
    radius = RIVAL_SHARE * match.grid.photo.longest
    peaks = distinct_peaks(match.scores, match.valid, match.grid, radius, most + 1)
    others = [(place, score) for place, score in peaks if place.distance_to(match.best) > radius]
    return [(match.best, match.score), *others][:most]


def check_mark(uuid: str, photo: Photo, point: Point) -> None:
    """Raise MelError for a mark that lies outside its photo."""
    size = photo.size
    if not (0 <= point.x < size.width and 0 <= point.y < size.height):
        raise MelError(
            f"{photo.name}: mole {uuid} is marked at ({point.x:g}, {point.y:g}), outside the "
            f"photo of {size}; is the moles file of another photo?"
        )


def hidden_by_mask(uuid: str, photo: Photo, point: Point) -> str | None:
    """A message if the photo's mask hides the mole's mark, else None."""
    return f"{photo.name}: its mask hides mole {uuid}" if photo.masks_out(point) else None


def _view(uuid: str, features: FeatureMap, point: Point) -> View:
    """A view of the mole. Raises MelError if it is masked out: a painted patch matches anything."""
    cell = features.grid.cell_of(point)
    # With cached features, checking the cell first avoids decoding the mask.
    if not features.valid[cell.row, cell.column]:
        hidden = hidden_by_mask(uuid, features.photo, point)
        if hidden is not None:
            raise MelError(f"{hidden}; correct the mask, or use `use_masks=False`")
    return View(features, point)
