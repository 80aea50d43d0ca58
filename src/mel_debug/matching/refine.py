"""Coarse to fine: matching whole photos, then windows of them at full resolution."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point, Size
from mel_debug.core.stages import FeatureExtractor, Matcher
from mel_debug.core.types import FeatureMap, Match, Photo, Query, View
from mel_debug.matching.features import PhotoFeatures

MOST_PASSES = 3
"""Maximum number of refinements of a match."""


@dataclass(frozen=True, slots=True)
class Refined:
    """A matcher that repeats the matches of another in windows at full resolution.

    `image_size` is the side of the windows, in photo pixels and in scaled pixels.
    """

    matcher: Matcher
    image_size: int

    def match(
        self, queries: Sequence[Query], target: FeatureMap, extractor: FeatureExtractor
    ) -> list[Match]:
        """See `Matcher.match`; `moves_px` has the distance of each refinement."""
        features = PhotoFeatures(extractor, self.image_size)
        matches = self.matcher.match(queries, target, extractor)
        return [
            self._refined(query, target.photo, match, features)
            for query, match in zip(queries, matches, strict=True)
        ]

    def _refined(self, query: Query, target: Photo, match: Match, features: PhotoFeatures) -> Match:
        """Repeat the match until it moves less than a cell, at most `MOST_PASSES` times."""
        try:
            views = tuple(self._view_in_window(view, features) for view in query.views)
            while len(match.moves_px) < MOST_PASSES:
                corner, window = self._window(target, match.best, features)
                window_features = features.of(window)
                again = self.matcher.match(
                    [Query(query.uuid, views)], window_features, features.extractor
                )[0]
                best = Point(again.best.x + corner.x, again.best.y + corner.y)
                moved = best.distance_to(match.best)
                match = replace(
                    match,
                    best=best,
                    refined_score=again.score,
                    position_std_px=again.position_std_px,
                    cycle_error_px=again.cycle_error_px,
                    moves_px=(*match.moves_px, moved),
                )
                if moved < max(window_features.grid.cell_size):
                    break
        except MelError as error:  # for example, the window is masked out
            return replace(match, notes=(*match.notes, f"not refined further: {error}"))
        return match

    def _view_in_window(self, view: View, features: PhotoFeatures) -> View:
        corner, window = self._window(view.features.photo, view.point, features)
        point = Point(view.point.x - corner.x, view.point.y - corner.y)
        return View(features.of(window), point)

    def _window(self, photo: Photo, centre: Point, features: PhotoFeatures) -> tuple[Point, Photo]:
        """The corner of the window around a point, moved to be inside the photo, and the window.

        A point p of the photo is the point p - corner of the window.
        """
        size = Size(min(self.image_size, photo.size.width), min(self.image_size, photo.size.height))
        left = min(max(round(centre.x - size.width / 2), 0), photo.size.width - size.width)
        top = min(max(round(centre.y - size.height / 2), 0), photo.size.height - size.height)
        return Point(left, top), photo.crop(left, top, size, features.extractor.mean_colour)
