"""How much larger a mole is in one crop than in another: three estimates that err differently."""

import numpy as np
from numpy.typing import NDArray

from mel_debug.changes.segmentation import Outline

Array = NDArray[np.float64]
Image = NDArray[np.float32]

MOST = 2.0
"""Largest change of the diameter that the fitted template tries, up and down."""

SIZES = np.exp(np.linspace(-np.log(MOST), np.log(MOST), 47))
"""Factors that the fitted template tries: 3 % apart, with a parabola between."""

BLURS = (0.05, 0.08, 0.12, 0.17, 0.24, 0.34)
"""Blurs that are tried, as sigmas in diameters of the mole."""

BLUR_SIZES = np.exp(np.linspace(-0.35, 0.35, 9))
"""Factors that are tried with each blur: 9 % apart, as only the best fit is of interest."""

LEAST_GAIN = 0.002
"""Least gain of the sum of both R2 from which a blur is believed."""

TEMPLATE_REACH = 2.0
"""Radius of the fitted template, in radii of the mole: the mole and a rim of skin."""


def half_area(outline: Outline, radius: float) -> float:
    """The area in which a mole is at least half as dark as its core, in pixels of the crop."""
    share = np.clip(outline.grey / outline.core * 4 - 1.5, 0, 1)  # a pixel at the edge counts half
    return float((share * _near(outline, radius)).sum())


def walked_area(outline: Outline) -> float:
    """The area inside the random walker's outline, in pixels of the crop."""
    return float(np.clip(outline.inside * 4 - 1.5, 0, 1).sum())


def fitted_scale(first: Outline, other: Outline, radius: float) -> tuple[float, float]:
    """The factor by which the first mole is enlarged to look like the other, and R2 of the fit.

    The first is enlarged about its middle, shifted, and made darker or paler. Both directions are
    fitted, so that swapping the moles gives the inverse.
    """
    a, b = first.grey.astype(np.float32), other.grey.astype(np.float32)
    up, there = _one_way(a, b, radius, SIZES)
    down, back = _one_way(b, a, radius, SIZES)
    return float(np.sqrt(up / down)), float(np.sqrt(there * back))


def relative_blur(first: Outline, other: Outline, radius: float) -> float:
    """The blur that makes two moles look most alike: sigma in pixels of the crop.

    Above 0 the first is to be blurred, below 0 the other one.
    """
    import cv2

    # Half as many pixels are enough for a choice between blurs, and take a quarter of the time.
    a, b = (cv2.pyrDown(each.grey.astype(np.float32)) for each in (first, other))

    def fit(sigma: float) -> float:
        here = cv2.GaussianBlur(a, (0, 0), sigma) if sigma > 0 else a
        there = cv2.GaussianBlur(b, (0, 0), -sigma) if sigma < 0 else b
        return sum(
            _one_way(*pair, radius / 2, BLUR_SIZES)[1] for pair in ((here, there), (there, here))
        )

    plain = fit(0.0)
    best, most = 0.0, plain + LEAST_GAIN
    for sign in (1.0, -1.0):
        for share in BLURS:
            gained = fit(sign * share * radius)
            if gained <= most:
                break  # it only gets worse from here on
            best, most = sign * share * 2 * radius, gained
    return best


def _one_way(first: Image, other: Image, radius: float, sizes: Array) -> tuple[float, float]:
    """The factor by which one mole is enlarged to look like another, and R2 of the fit.

    `sizes` are the factors that are tried, evenly spaced in the logarithm.
    """
    import cv2

    side = len(first)
    axis = (np.arange(side) + 0.5 - side / 2).astype(np.float32)
    away = np.hypot(axis[:, np.newaxis], axis)
    from_middle, to_middle = _centroid(first, radius), _centroid(other, radius)
    scores = []
    for size in sizes:
        # The point of the first crop that is shown at p is c1 + (p - c2) / size.
        offset = from_middle - to_middle / size
        shown = cv2.warpAffine(
            first,
            np.array([[1 / size, 0, offset[0]], [0, 1 / size, offset[1]]]),
            (side, side),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        weight = np.exp(-((away / np.float32(TEMPLATE_REACH * radius * max(1.0, size))) ** 4))
        scores.append(_correlation(shown, other, weight))
    best, shift = int(np.argmax(scores)), 0.0
    if 0 < best < len(sizes) - 1:
        before, at, after = scores[best - 1 : best + 2]
        bend = before - 2 * at + after
        shift = float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0
    step = float(np.log(sizes[1] / sizes[0]))
    return float(sizes[best] * np.exp(shift * step)), max(0.0, scores[best]) ** 2


def _centroid(grey: Image, radius: float) -> Array:
    """The centre of a mole's darkness, (x, y), in pixels; (0, 0) is the first pixel's centre."""
    side = len(grey)
    axis = np.arange(side) + 0.5 - side / 2
    near = np.hypot(axis[:, np.newaxis], axis) < 1.5 * radius
    weight = np.where(near, np.clip(grey - 0.3 * grey[near].max(), 0, None), 0)
    total = weight.sum()
    if total <= 0:
        return np.full(2, side / 2 - 0.5)
    rows, columns = np.arange(side), np.arange(side)
    moments: Array = np.array([(weight * columns).sum(), (weight * rows[:, np.newaxis]).sum()])
    centre: Array = moments / total
    return centre


def _correlation(first: Image, second: Image, weight: Image) -> float:
    share = weight / weight.sum()
    a, b = first - (share * first).sum(), second - (share * second).sum()
    return float(
        (share * a * b).sum() / np.sqrt((share * a**2).sum() * (share * b**2).sum() + 1e-12)
    )


def _near(outline: Outline, radius: float) -> Array:
    """1 where the outline is or within a rim of it, so that other moles don't count."""
    from scipy.ndimage import binary_dilation

    near: Array = binary_dilation(outline.mask, iterations=max(1, round(0.25 * radius)))
    return near.astype(float)
