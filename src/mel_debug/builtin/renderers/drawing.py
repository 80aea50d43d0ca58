"""Crosses, rings and signs drawn on pictures with OpenCV, which clips them at the border."""

from collections.abc import Sequence

import cv2

from mel_debug.core.geometry import Point
from mel_debug.core.types import Colour, Match, Pixels

GREEN = (0, 255, 0)
AMBER = (255, 176, 0)
BLUE = (120, 200, 255)
"""Colour of a mole that is probably not there: unlike skin, heat and both crosses."""
ARM, HOLE = 20, 6
"""Picture pixels from the centre of a cross to the ends of its arms, and to where they begin; like
the other sizes here, chosen by hand."""
HALF_THICKNESS = 1
"""Picture pixels to each side of a bar's middle line: bars are three pixels wide."""
WHOLE = ((-15, 15),)
"""Start and end of a whole cross's bars in picture pixels from its centre, both included."""
ARMS = ((-ARM, -HOLE), (HOLE, ARM))
"""The same of a cross that leaves its centre free, so that the mole stays visible."""
DASHES = ((-ARM, -15), (-11, -HOLE), (HOLE, 11), (15, ARM))
"""The same of a dashed cross: dashes of 6 pixels with gaps of 3."""
OUTER = ((-30, -7), (7, 30))
"""The same of a crosshair on a mark."""
AROUND = ((-84, -52), (52, 84))
"""The same of a crosshair in a crop, where a mole is large."""
SIGN_RADIUS = 16
"""Radius in picture pixels of the sign for a mole that is probably not there."""
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


def is_absent(match: Match) -> bool:
    """Return whether a match is drawn as a mole that is probably not there."""
    return match.confidence is not None and match.confidence.probably_absent


def draw_match(picture: Pixels, match: Match, centre: Point) -> None:
    """Draw a match at `centre` of a picture: a green cross, or if uncertain a dashed amber one.

    A mole that is probably not there is a blue circle with a bar. The radius is not drawn: in a
    picture of the whole photo it is smaller than the cross.
    """
    if is_absent(match):
        draw_absent(picture, centre)
    elif is_uncertain(match):
        draw_dashed_cross(picture, centre, AMBER)
    else:
        draw_cross(picture, centre, GREEN)


def draw_whole_cross(picture: Pixels, centre: Point, colour: Colour) -> None:
    """Draw an upright cross on the pixel that contains `centre`, and cover that."""
    _draw_bars(picture, centre, WHOLE, colour)


def draw_cross(picture: Pixels, centre: Point, colour: Colour) -> None:
    """Draw an upright cross around the pixel that contains `centre`, which stays free."""
    _draw_bars(picture, centre, ARMS, colour)


def draw_absent(picture: Pixels, centre: Point, radius: float = SIGN_RADIUS) -> None:
    """Draw a blue circle with a bar across: where the mole would be, were it there."""
    draw_ring(picture, centre, radius, BLUE)
    reach = radius * 0.5**0.5
    start, end = (
        (round((centre.x + side * reach) - 0.5), round((centre.y - side * reach) - 0.5))
        for side in (-1, 1)
    )
    cv2.line(picture, start, end, BLUE, RING_THICKNESS, cv2.LINE_AA)


def draw_dashed_cross(picture: Pixels, centre: Point, colour: Colour) -> None:
    """Draw an upright dashed cross on the pixel that contains `centre`."""
    _draw_bars(picture, centre, DASHES, colour)


def draw_crosshair(picture: Pixels, centre: Point, colour: Colour) -> None:
    """Draw a large cross that leaves its centre free, so that the mole stays visible."""
    _draw_bars(picture, centre, OUTER, colour)


def draw_crop_crosshair(picture: Pixels, centre: Point, colour: Colour) -> None:
    """Draw a cross on a crop that leaves a large centre free."""
    _draw_bars(picture, centre, AROUND, colour)


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
