"""Coarse to fine: after the whole photos, windows of them at native resolution."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point, Size
from mel_debug.core.stages import FeatureExtractor, Matcher
from mel_debug.core.types import FeatureMap, Match, Photo, Query, View
from mel_debug.matching.features import PhotoFeatures

MOST_PASSES = 3


@dataclass(frozen=True, slots=True)
class Refined:
    """A matcher that lets another look again, closer, where it found something.

    `image_size` is the side of the windows, in native pixels and in scaled ones: the model sees as
    much of the photo as it is used to, at full resolution.
    """

    matcher: Matcher
    image_size: int

    def match(
        self, queries: Sequence[Query], target: FeatureMap, extractor: FeatureExtractor
    ) -> list[Match]:
        """See `Matcher.match`; `moves_px` tells how far each closer look moved the place."""
        features = PhotoFeatures(extractor, self.image_size)
        matches = self.matcher.match(queries, target, extractor)
        return [
            self._closer(query, target.photo, match, features)
            for query, match in zip(queries, matches, strict=True)
        ]

    def _closer(self, query: Query, target: Photo, match: Match, features: PhotoFeatures) -> Match:
        """Look again until the place moves less than a cell, `MOST_PASSES` times at most."""
        try:
            near = Query(query.uuid, tuple(self._near(view, features) for view in query.views))
            while len(match.moves_px) < MOST_PASSES:
                corner, window = self._window(target, match.best, features)
                seen = features.of(window)
                again = self.matcher.match([near], seen, features.extractor)[0]
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
                if moved < max(seen.grid.cell_size):
                    break
        except MelError as error:  # a window that is masked out has nothing to add
            return replace(match, notes=(*match.notes, f"not refined further: {error}"))
        return match

    def _near(self, view: View, features: PhotoFeatures) -> View:
        corner, window = self._window(view.features.photo, view.point, features)
        point = Point(view.point.x - corner.x, view.point.y - corner.y)
        return View(features.of(window), point)

    def _window(self, photo: Photo, centre: Point, features: PhotoFeatures) -> tuple[Point, Photo]:
        """The window around a point and its corner; near an edge it is moved inside the photo.

        Only its corner moves: a point p of the photo is the point p - corner of the window.
        """
        size = Size(min(self.image_size, photo.size.width), min(self.image_size, photo.size.height))
        left = min(max(round(centre.x - size.width / 2), 0), photo.size.width - size.width)
        top = min(max(round(centre.y - size.height / 2), 0), photo.size.height - size.height)
        return Point(left, top), photo.crop(left, top, size, features.extractor.mean_colour)
