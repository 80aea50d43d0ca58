"""The renderer `pair`: the mole and the match from close up, side by side, above small overviews.

If the matcher knows how the photos lie, both crops show the same area at the same size and turn.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.renderers.captions import caption, draw_scale_bar, photo_name, wrapped
from mel_debug.builtin.renderers.drawing import (
    AMBER,
    GREEN,
    colour_of,
    draw_absent,
    draw_crop_crosshair,
    draw_crosshair,
    draw_match,
    draw_ring,
    is_absent,
    is_uncertain,
)
from mel_debug.builtin.renderers.heatmap import heat_of, heated_by
from mel_debug.core.geometry import Point, Size
from mel_debug.core.scaling import fitted
from mel_debug.core.types import FeatureMap, Match, Photo, Pixels, Query, View

GAP = 8
"""White pixels between pictures."""

CROP_SHARE = 1 / 16
"""Side of a crop as a share of its photo's longer side: a mole and its neighbourhood."""

CROP_SIDE = 640
"""Picture pixels of a crop's side."""

MOST_LINES = 3
"""Lines of the answer: its longest sentence takes two."""

OVERVIEW_SIDE = 320
"""Longer side of an overview in picture pixels."""

BEYOND = (0, 0, 0)
"""RGB of pixels of a crop outside the photo: black."""

UNNAMED = "mole"
"""The uuid of a mole that was given by its place, as in `mel_debug.api`."""

MOST_SHRINK = 4
"""A crop that would be shrunk more than this by the matcher's map is drawn without it."""

Matrix = NDArray[np.floating]


class Pair:
    """Draws the mole in the source and the match in the target; draws the first view."""

    def render(self, query: Query, target: FeatureMap, match: Match) -> Pixels:
        """Return the picture, (height, 2 * `CROP_SIDE` + `GAP`, 3) RGB."""
        view = query.views[0]
        source = view.features.photo
        here, there = _steps(source, target.photo, match)
        before, after = crop(source, view.point, here), crop(target.photo, match.best, there)
        middle = Point(CROP_SIDE / 2, CROP_SIDE / 2)
        draw_crop_crosshair(before, middle, GREEN)
        _draw_found(after, match, middle, 1 / float(there[0, 0]))
        for picture, step in ((before, here), (after, there)):
            draw_scale_bar(picture, float(abs(np.linalg.det(step)) ** -0.5))
        name = photo_name(source.name)
        if query.uuid != UNNAMED:
            name = f"{name}   mole {query.uuid[:8]}"
        words = "" if match.confidence is None else match.confidence.sentence
        lines = len(wrapped(words, CROP_SIDE, MOST_LINES))
        space, answer = (caption(text, CROP_SIDE, lines=lines) for text in ("", words))
        return beside(
            _column(name, before, space, _marked_overview(view)),
            _column(photo_name(target.photo.name), after, answer, _heated_overview(target, match)),
        )


def crop(photo: Photo, centre: Point, step: Matrix) -> Pixels:
    """A square around a point of a photo, (`CROP_SIDE`, `CROP_SIDE`, 3) RGB.

    `step` is (2, 2): pixels of the photo by row for each picture pixel by column.
    """
    corners = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]]) * (CROP_SIDE / 2) @ step.T
    reach = int(np.ceil(np.abs(corners).max())) + 2
    left, top = int(centre.x) - reach, int(centre.y) - reach
    window = photo.crop(left, top, Size(2 * reach + 1, 2 * reach + 1), BEYOND).pixels
    shrink = float(np.linalg.svd(step, compute_uv=False)[0])
    if shrink > 1:  # else single pixels would be picked
        window = cv2.GaussianBlur(window, (0, 0), 0.5 * shrink)
    start = np.array([centre.x - left, centre.y - top]) - step @ np.full(2, CROP_SIDE / 2)
    # Half a pixel: OpenCV's points are centres of pixels.
    offset = start + step @ np.full(2, 0.5) - 0.5
    return np.asarray(
        cv2.warpAffine(
            window,
            np.column_stack([step, offset]),
            (CROP_SIDE, CROP_SIDE),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=BEYOND,
        )
    )


def crop_side(photo: Photo) -> int:
    """The side of a crop in photo pixels."""
    return max(16, round(photo.size.longest * CROP_SHARE))


def upright(photo: Photo) -> Matrix:
    """The step of a crop that shows the photo as it is."""
    return np.eye(2) * (crop_side(photo) / CROP_SIDE)


def _steps(source: Photo, target: Photo, match: Match) -> tuple[Matrix, Matrix]:
    """The steps of both crops: the same area, if the matcher knows how the photos lie."""
    there = upright(target)
    if match.jacobian is None or abs(np.linalg.det(match.jacobian)) < 1e-6:
        return upright(source), there
    here = np.linalg.inv(match.jacobian) @ there
    sizes = np.linalg.svd(here, compute_uv=False) / float(upright(source)[0, 0])
    is_usable = sizes[0] < MOST_SHRINK and sizes[-1] > 1 / MOST_SHRINK
    return (here if is_usable else upright(source)), there


def _draw_found(picture: Pixels, match: Match, middle: Point, zoom: float) -> None:
    """Draw what was found on its crop."""
    if is_absent(match):
        draw_absent(picture, middle, CROP_SIDE / 8)
        return
    draw_crop_crosshair(picture, middle, colour_of(match))
    if is_uncertain(match) and match.confidence is not None:
        draw_ring(picture, middle, match.confidence.radius_px * zoom, AMBER)


def _marked_overview(view: View) -> Pixels:
    photo = view.features.photo
    size = fitted(photo.size, OVERVIEW_SIDE)
    picture = photo.displayed(size).copy()
    draw_crosshair(picture, _scaled(view.point, photo, size), GREEN)
    return picture


def _heated_overview(target: FeatureMap, match: Match) -> Pixels:
    size = fitted(target.photo.size, OVERVIEW_SIDE)
    heat = cv2.resize(heat_of(match), (size.width, size.height), interpolation=cv2.INTER_AREA)
    picture = heated_by(target.photo.displayed(size), heat)
    draw_match(picture, match, _scaled(match.best, target.photo, size))
    return picture


def _scaled(point: Point, photo: Photo, size: Size) -> Point:
    return Point(point.x * size.width / photo.size.width, point.y * size.height / photo.size.height)


def _column(title: str, picture: Pixels, answer: Pixels, overview: Pixels) -> Pixels:
    """A crop with its title above, the answer and an overview below."""
    return above(caption(title, CROP_SIDE), picture, answer, overview, gap=0)


def beside(left: Pixels, right: Pixels) -> Pixels:
    """Return two pictures side by side, top-aligned on white."""
    picture = _white(max(len(left), len(right)), left.shape[1] + GAP + right.shape[1])
    picture[: len(left), : left.shape[1]] = left
    picture[: len(right), left.shape[1] + GAP :] = right
    return picture


def above(*pictures: Pixels, gap: int = GAP) -> Pixels:
    """Return pictures one above the other, left-aligned on white."""
    height = sum(len(each) for each in pictures) + gap * (len(pictures) - 1)
    picture = _white(height, max(each.shape[1] for each in pictures))
    top = 0
    for each in pictures:
        picture[top : top + len(each), : each.shape[1]] = each
        top += len(each) + gap
    return picture


def _white(height: int, width: int) -> Pixels:
    return np.full((height, width, 3), 255, dtype=np.uint8)
