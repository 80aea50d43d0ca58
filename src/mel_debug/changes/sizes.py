"""The size of the spot at a mark, which sets how large the crops of a mole are."""

import numpy as np

from mel_debug.changes.crops import Frame, aligned_crop
from mel_debug.changes.light import FLOOR, to_linear
from mel_debug.core.geometry import Point
from mel_debug.core.laplacian import laplacian
from mel_debug.core.types import Photo

SIDE, DISC = 72, 18
"""Pixels of the windows in which spots are sought, and the diameter of a spot that fits them."""

GROWTH = 1.3
"""Factor between the diameters that are tried; a disc's response falls by 5 % half a step away."""

SMALLEST_PX = 3.0
"""Least diameter that is tried, in pixels of the photo."""

LARGEST = 0.2
"""Largest diameter that is tried, as a share of the longer side."""

USUAL = 0.006
"""Diameter where there is no spot, as a share of the longer side: a mole of 3 mm on a back."""

LEAST_CONTRAST = 0.03
"""Least response of a spot, in log light."""

REACH = 4.0
"""Distance of the spot from the mark, in pixels of the window, within which it is this spot."""

RIM = 2.0
"""Pixels of the window around `REACH`. Where a response is higher there, it is that of shade or of
another spot, on whose slope the mark lies."""

VALLEY, AGAIN = 0.6, 2.0
"""Once the response of larger discs has fallen below the share `VALLEY` of a spot's, only one with
`AGAIN` times its response replaces it: a mole has that much more than a dark dot within it, but the
shade of a body's edge not that much more than a mole."""


def spot_diameter(photo: Photo, point: Point) -> float:
    """The diameter of the dark spot at a point, in pixels of the photo.

    It is that of a disc with the strongest response to a Laplacian of Gaussian, whose sigma is the
    radius over the square root of 2 (Lindeberg 1998). `USUAL` where there is no spot.
    """
    longest = photo.size.longest
    best, needed, diameter = 0.0, LEAST_CONTRAST, USUAL * longest
    tried = SMALLEST_PX
    while tried <= max(LARGEST * longest, SMALLEST_PX):
        response = _response(photo, point, tried)
        if response > needed:
            best = needed = response
            diameter = tried
        elif response < VALLEY * best:
            needed = AGAIN * best
        tried *= GROWTH
    return max(diameter, SMALLEST_PX)


def _response(photo: Photo, point: Point, diameter: float) -> float:
    """The highest response at a point; 0 on the slope of a higher one beside it."""
    frame = Frame(SIDE, diameter / DISC)
    crop = aligned_crop(photo, point, frame)
    light = np.log(to_linear(crop.pixels[..., 1]) + FLOOR)
    skin = np.median(light[crop.valid]) if crop.valid.any() else 0.0
    dark = np.where(crop.valid, skin - light, 0.0)
    response, radii = laplacian(dark, DISC / 2 / 2**0.5), frame.radii()
    highest = float(response[radii < REACH].max())
    beside = float(response[(radii >= REACH) & (radii < REACH + RIM)].max())
    return highest if highest >= beside else 0.0
