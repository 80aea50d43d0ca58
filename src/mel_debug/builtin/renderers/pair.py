"""The renderer `pair`: the marked source beside the heatmap of the target, with close-ups.

The close-up of an uncertain match has a ring of its radius, unless the mole is probably absent.
"""

import numpy as np

from mel_debug.builtin.renderers.drawing import (
    AMBER,
    GREEN,
    colour_of,
    draw_crosshair,
    draw_ring,
)
from mel_debug.builtin.renderers.heatmap import Heatmap
from mel_debug.core.geometry import Point, Size
from mel_debug.core.scaling import resized
from mel_debug.core.types import Colour, FeatureMap, Match, Photo, Pixels, Query

GAP = 8
"""White pixels between pictures."""

INSET_SHARE = 1 / 16
"""Side of a close-up as a share of its photo's longer side: a mole and its neighbourhood."""

INSET_SIDE = 448
"""Picture pixels of a close-up's side."""

BEYOND = (0, 0, 0)
"""RGB of close-up pixels outside the photo: black."""


class Pair:
    """Draws the mole in the source and the match in the target side by side."""

    def render(self, query: Query, target: FeatureMap, match: Match) -> Pixels:
        """Return both scaled photos, each above a close-up; draws the first view."""
        view = query.views[0]
        source = view.features.photo.scaled(view.features.grid.scaled).copy()
        draw_crosshair(source, view.features.grid.to_scaled(view.point), GREEN)
        found = Heatmap().render(query, target, match)
        close_source = close_up(view.features.photo, view.point)
        close_target = close_up(target.photo, match.best, colour_of(match))
        sure = match.confidence
        if sure is not None and sure.uncertain and not sure.probably_absent:
            middle = Point(INSET_SIDE / 2, INSET_SIDE / 2)
            zoom = INSET_SIDE / side_of(target.photo)
            draw_ring(close_target, middle, sure.radius_px * zoom, AMBER)
        return beside(above(source, close_source), above(found, close_target))


def side_of(photo: Photo) -> int:
    """Return the side of a close-up in photo pixels."""
    return max(16, round(photo.size.longest * INSET_SHARE))


def close_up(photo: Photo, point: Point, colour: Colour = GREEN) -> Pixels:
    """Return a square around a point, (`INSET_SIDE`, `INSET_SIDE`, 3), with a crosshair on it."""
    side = side_of(photo)
    left, top = round(point.x - side / 2), round(point.y - side / 2)
    window = photo.crop(left, top, Size(side, side), BEYOND)
    picture = resized(window.pixels, Size(INSET_SIDE, INSET_SIDE)).copy()
    zoom = INSET_SIDE / side
    draw_crosshair(picture, Point((point.x - left) * zoom, (point.y - top) * zoom), colour)
    return picture


def beside(left: Pixels, right: Pixels) -> Pixels:
    """Return two pictures side by side, top-aligned on white."""
    picture = _white(max(len(left), len(right)), left.shape[1] + GAP + right.shape[1])
    picture[: len(left), : left.shape[1]] = left
    picture[: len(right), left.shape[1] + GAP :] = right
    return picture


def above(upper: Pixels, lower: Pixels) -> Pixels:
    """Return two pictures one above the other, left-aligned on white."""
    picture = _white(len(upper) + GAP + len(lower), max(upper.shape[1], lower.shape[1]))
    picture[: len(upper), : upper.shape[1]] = upper
    picture[len(upper) + GAP :, : lower.shape[1]] = lower
    return picture


def _white(height: int, width: int) -> Pixels:
    return np.full((height, width, 3), 255, dtype=np.uint8)
