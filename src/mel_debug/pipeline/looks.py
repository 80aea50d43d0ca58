"""What the pixels show at a mark and at the place found for it: is a spot there, and alike.

A matcher answers even when the mole is gone. The skin around it still agrees then, the mole itself
does not; so this looks at nothing but the spot.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mel_debug.geometry import Point, Size
from mel_debug.types import Photo

WINDOW_SHARE = 0.06
"""Side of the window looked at, as a share of the photo's longer side."""

WINDOW_SIDE = 120
"""The same in pixels of the window; a smaller photo is looked at as it is."""

SIGMAS = tuple(1.2 * 1.25**step for step in range(10))
"""Sizes of spots looked for, as the sigma of a Gaussian in window pixels."""

REACH = 4.0
"""How far from the place a spot's centre may lie, in window pixels (0.2 % of the longer side)."""

GREY_FLOOR = 8.0
"""Added before the logarithm, so that noise in deep shade is no contrast."""

DARKEST = 0.9
"""Darkness is cut here, so that a strap beside a mole does not outdo it; few moles reach it."""

COVERED = (128, 128, 128)

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spot:
    """The most marked dark spot near a place.

    `contrast` is its response, a difference of logarithms of light, so shade does not matter;
    `salience` the same in standard deviations of what the window shows elsewhere at that size;
    `sigma` its size as a share of the photo's longer side. `around` is the median darkness of rings
    from the centre outwards, in sigmas, which no turn changes.
    """

    contrast: float
    salience: float
    sigma: float
    around: Array


def spot_at(photo: Photo, place: Point) -> Spot:
    """Look for a spot at a place, over all of `SIGMAS` (normalised Laplacian, Lindeberg 1998).

    Light is taken as the logarithm of green, in which pigment shows best.
    """
    from scipy import ndimage

    side = max(16, round(photo.size.longest * WINDOW_SHARE))
    left, top = round(place.x - side / 2), round(place.y - side / 2)
    window = photo.crop(left, top, Size(side, side), COVERED)
    shown = min(WINDOW_SIDE, side)
    dark, seen = _darkness(window, shown)
    centre = np.array([place.y - top, place.x - left]) * shown / side - 0.5
    reach = REACH * shown / WINDOW_SIDE
    rows, columns = np.mgrid[:shown, :shown]
    away = np.hypot(rows - centre[0], columns - centre[1])
    near = away <= max(reach, 0.8)
    best: tuple[float, float, float, int] = (-np.inf, 0.0, SIGMAS[0], 0)
    for step in SIGMAS:
        sigma = step * shown / WINDOW_SIDE
        if sigma < 0.6:
            continue
        response = -(sigma**2) * ndimage.gaussian_laplace(dark, sigma)
        at = int(np.where(near, response, -np.inf).argmax())
        elsewhere = response[seen & (away > 3 * sigma + reach)]
        noise = _spread(elsewhere if elsewhere.size > 20 else response)
        value = float(response.flat[at])
        if value > best[0]:
            best = value, value / max(noise, 1e-4), sigma, at
    row, column = divmod(best[3], shown)
    around = _rings(dark, seen, np.hypot(rows - row, columns - column) / best[2])
    return Spot(best[0], best[1], best[2] * side / shown / photo.size.longest, around)


def _spread(values: Array) -> float:
    """A standard deviation that edges of cloth and other moles don't sway: from the median's."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def _darkness(window: Photo, shown: int) -> tuple[Array, NDArray[np.bool_]]:
    """Minus the logarithm of green over that of the skin, (shown, shown), and what counts of it.

    The skin is the median of what the mask leaves; what is masked out is taken for skin.
    """
    pixels = window.scaled(Size(shown, shown))
    dark = -np.log(pixels[..., 1].astype(np.float64) + GREY_FLOOR)
    seen = np.ones(dark.shape, dtype=bool)
    if window.mask is not None:
        index = ((np.arange(shown) + 0.5) * window.mask.shape[0] / shown).astype(int)
        seen = window.mask[np.ix_(index, index)]
    if not seen.any():
        return np.zeros(dark.shape), seen
    dark = np.where(seen, dark - np.median(dark[seen]), 0.0)
    return np.clip(dark, -DARKEST, DARKEST), seen


RING_EDGES = (0.0, 0.7, 1.4, 2.1, 2.8, 3.6, 4.5)


def _rings(dark: Array, seen: NDArray[np.bool_], radius: Array) -> Array:
    """Median darkness between successive `RING_EDGES`; 0, as of skin, where nothing is seen."""
    rings = []
    for inner, outer in pairwise(RING_EDGES):
        ring = seen & (radius >= inner) & (radius < outer)
        rings.append(float(np.median(dark[ring])) if ring.any() else 0.0)
    return np.array(rings)


def likeness(source: Spot, target: Spot) -> dict[str, float]:
    """Evidence by name, all of it higher for a spot that is there and alike.

    `shown`: log of the target's contrast over the source's, 0 when they are equal and at most that;
    `stands_out`, `stood_out`: log of the salience in target and source; `sized`: minus the absolute
    log of their sizes' ratio; `shaded`: minus the distance of their rings over the source's range.
    """
    floor = 0.004
    shown = np.log(max(target.contrast, floor) / max(source.contrast, floor))
    span = max(float(np.abs(source.around).max()), 0.02)
    rings = float(np.abs(source.around - target.around).mean())
    return {
        "shown": min(float(shown), 0.0),
        "stands_out": float(np.log(max(target.salience, 0.1))),
        "stood_out": float(np.log(max(source.salience, 0.1))),
        "sized": -abs(float(np.log(target.sigma / source.sigma))),
        "shaded": -min(rings / span, 3.0),
    }
