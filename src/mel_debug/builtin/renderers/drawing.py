"""Crosses and rings drawn on pictures with OpenCV, which clips them at the border."""

from collections.abc import Sequence

import cv2

from mel_debug.core.geometry import Point
from mel_debug.core.types import Colour, Match, Pixels

GREEN = (0, 255, 0)
AMBER = (255, 176, 0)
ARM = 15
"""Length of a cross's arm in picture pixels; like the other sizes here, chosen by hand."""
HALF_THICKNESS = 1
"""Picture pixels to each side of a bar's middle line: bars are three pixels wide."""
WHOLE = ((-ARM, ARM),)
"""Start and end of a cross's bars in picture pixels from its centre, both included."""
DASHES = ((-ARM, -8), (-3, 3), (8, ARM))
"""Start and end of the dashes of a dashed cross: 7 or 8 pixels long, with gaps of 4."""
OUTER = ((-2 * ARM, -7), (7, 2 * ARM))
"""Start and end of the bars of a crosshair, which leaves its centre free."""
RING_THICKNESS, LEAST_RING = 2, 2.0
"""Picture pixels; a smaller ring would look like a dot."""
FRACTION_BITS = 4
"""Bits after the binary point: OpenCV takes positions in sixteenths of a pixel."""


def colour_of(match: Match) -> Colour:
    """Return green, or amber for an uncertain match."""
    return AMBER if is_uncertain(match) else GREEN


def is_uncertain(match: Match) -> bool:
    """Return whether a match is drawn as uncertain; without a confidence it is not."""
    return match.confidence is not None and match.confidence.uncertain


def draw_match(picture: Pixels, match: Match, centre: Point) -> None:
    """Draw a match at `centre` of a picture: a green cross, or if uncertain a dashed amber one.

    The radius is not drawn: in a picture of the whole photo it is smaller than the cross.
    """
    if is_uncertain(match):
        draw_dashed_cross(picture, centre, AMBER)
    else:
        draw_cross(picture, centre, GREEN)


def draw_cross(picture: Pixels, centre: Point, colour: Colour) -> None:
    """Draw an upright cross on the pixel that contains `centre`."""
    _draw_bars(picture, centre, WHOLE, colour)


def draw_dashed_cross(picture: Pixels, centre: Point, colour: Colour) -> None:
    """Draw an upright dashed cross on the pixel that contains `centre`."""
    _draw_bars(picture, centre, DASHES, colour)


def draw_crosshair(picture: Pixels, centre: Point, colour: Colour) -> None:
    """Draw a cross that leaves its centre free, so that the mole stays visible."""
    _draw_bars(picture, centre, OUTER, colour)


def draw_ring(picture: Pixels, centre: Point, radius: float, colour: Colour) -> None:
    """Draw an antialiased circle of `radius` picture pixels."""
    scale = 1 << FRACTION_BITS
    # OpenCV's origin is the centre of the first pixel.
    x, y = (round((value - 0.5) * scale) for value in (centre.x, centre.y))
    around = round(max(radius, LEAST_RING) * scale)
    cv2.circle(picture, (x, y), around, colour, RING_THICKNESS, cv2.LINE_AA, FRACTION_BITS)


def _draw_bars(
    picture: Pixels, centre: Point, spans: Sequence[tuple[int, int]], colour: Colour
) -> None:
    """Draw horizontal and vertical bars through the pixel that contains `centre`."""
    x, y = centre.pixel
    half = HALF_THICKNESS
    for start, end in spans:
        cv2.rectangle(picture, (x + start, y - half), (x + end, y + half), colour, cv2.FILLED)
        cv2.rectangle(picture, (x - half, y + start), (x + half, y + end), colour, cv2.FILLED)
