"""Marks drawn on pictures."""

import numpy as np

from mel_debug.core.geometry import Point
from mel_debug.core.types import Colour, Match, Pixels

GREEN = (0, 255, 0)
AMBER = (255, 176, 0)
ARM = 15
"""Length of a cross's arm in picture pixels."""
THICKNESS = 3
DASH = 4
"""Length of a dash, and of the gap after it."""


def colour_of(match: Match) -> Colour:
    """Green, or amber for a match that is not sure."""
    return AMBER if is_uncertain(match) else GREEN


def is_uncertain(match: Match) -> bool:
    """Whether a match should be drawn as not sure; without a confidence it is not."""
    return match.confidence is not None and match.confidence.uncertain


def draw_match(picture: Pixels, match: Match, zoom: float, centre: Point) -> None:
    """Draw a match at `centre` of a picture that shows `zoom` pixels for one of the photo.

    A green cross; for a match that is not sure a dashed amber one, and its radius around it.
    """
    if not is_uncertain(match) or match.confidence is None:
        draw_cross(picture, centre, GREEN)
        return
    draw_ring(picture, centre, match.confidence.radius_px * zoom, AMBER)
    draw_dashed_cross(picture, centre, AMBER)


def draw_cross(picture: Pixels, centre: Point, colour: Colour) -> None:
    """Draw an upright cross on the pixel that contains `centre`; arms are cut at the border."""
    half = THICKNESS // 2
    column, row = int(centre.x), int(centre.y)
    for tall, wide in ((ARM, half), (half, ARM)):
        top, left = max(0, row - tall), max(0, column - wide)
        picture[top : row + tall + 1, left : column + wide + 1] = colour


def draw_dashed_cross(picture: Pixels, centre: Point, colour: Colour) -> None:
    """The same cross in dashes, one of them on the pixel that contains `centre`."""
    half = THICKNESS // 2
    column, row = int(centre.x), int(centre.y)
    height, width = picture.shape[:2]
    for step in range(-ARM, ARM + 1):
        if (step + DASH // 2) % (2 * DASH) >= DASH:
            continue
        if 0 <= row + step < height:
            picture[row + step, max(0, column - half) : max(0, column + half + 1)] = colour
        if 0 <= column + step < width:
            picture[max(0, row - half) : max(0, row + half + 1), column + step] = colour


def draw_ring(picture: Pixels, centre: Point, radius: float, colour: Colour) -> None:
    """Draw a circle of `radius` picture pixels, two wide; parts beyond the border are left out."""
    rows, columns = np.ogrid[: picture.shape[0], : picture.shape[1]]
    away = np.hypot(rows + 0.5 - centre.y, columns + 0.5 - centre.x)
    picture[np.abs(away - max(radius, 2.0)) <= 1.0] = colour


def draw_crosshair(picture: Pixels, centre: Point, colour: Colour) -> None:
    """Draw a cross that leaves its middle free, so that the mole under it stays visible."""
    half, gap = THICKNESS // 2, ARM // 2
    column, row = int(centre.x), int(centre.y)
    across = slice(max(0, column - half), column + half + 1)
    down = slice(max(0, row - half), row + half + 1)
    for start, end in ((-2 * ARM, -gap), (gap, 2 * ARM)):
        picture[down, max(0, column + start) : max(0, column + end + 1)] = colour
        picture[max(0, row + start) : max(0, row + end + 1), across] = colour
