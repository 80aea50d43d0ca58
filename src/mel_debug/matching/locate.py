"""Finding marked moles in a photo that has no marks."""

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

MarkedViews = Mapping[str, Sequence[tuple[Photo, Point]]]
"""Where each mole (by uuid) is marked: photos and points in them."""


@dataclass(frozen=True, slots=True, eq=False)
class Located:
    """What a search saw and found: `matches[i]` answers `queries[i]`."""

    queries: tuple[Query, ...]
    target: FeatureMap
    matches: tuple[Match, ...]


def locate(
    sightings: MarkedViews,
    target: Photo,
    features: Features,
    matcher: Matcher,
    judge: Judge | None = None,
) -> Located:
    """Find every mole of `sightings` in the target; each photo is described once.

    With a judge every match gets its confidence. `calibrations.judge_for` finds the right one.
    Raises MelError for a mark that lies outside its photo or where the mask hides everything.
    """
    maps: dict[int, FeatureMap] = {}

    def describe(photo: Photo) -> FeatureMap:
        if id(photo) not in maps:
            maps[id(photo)] = features.of(photo)
        return maps[id(photo)]

    for uuid, views in sightings.items():
        for photo, point in views:
            check_mark(uuid, photo, point)
    queries = tuple(
        Query(uuid, tuple(_view(uuid, describe(photo), point) for photo, point in views))
        for uuid, views in sightings.items()
    )
    searched = describe(target)
    matches = tuple(matcher.match(queries, searched, features.extractor))
    if [match.uuid for match in matches] != [query.uuid for query in queries]:
        raise PluginError(f"the matcher gave {len(matches)} answers to {len(queries)} questions")
    if judge is not None:
        matches = tuple(
            judge.judged(query, searched, match)
            for query, match in zip(queries, matches, strict=True)
        )
    return Located(queries, searched, matches)


def distinct_candidates(match: Match, most: int) -> list[tuple[Point, float]]:
    """The match's place and the next best peaks of its scores, with scores; at most `most`.

    In pixels of the target, at least `RIVAL_SHARE` of its longer side apart.
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
    """A sentence for a mole whose mark the photo's mask hides; None if it shows it."""
    return f"{photo.name}: its mask hides mole {uuid}" if photo.masks_out(point) else None


def _view(uuid: str, features: FeatureMap, point: Point) -> View:
    """A view, unless the mask hides the mole: a painted-over patch would match anything."""
    cell = features.grid.cell_of(point)
    # The cell first: a mask that is not needed is not decoded.
    if not features.valid[cell.row, cell.column]:
        hidden = hidden_by_mask(uuid, features.photo, point)
        if hidden is not None:
            raise MelError(f"{hidden}; mend it or use `use_masks=False`")
    return View(features, point)
