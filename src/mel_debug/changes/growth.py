"""How much larger a mole is in one crop than in another: three readings that err differently."""

import numpy as np
from numpy.typing import NDArray

from mel_debug.changes.segmentation import Outline

Array = NDArray[np.float64]

MOST = 2.0
"""Largest change of the diameter that the fitted template tries, up and down."""

STEPS = 71
"""Sizes that the fitted template tries: 2 % apart."""

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
    up, there = _one_way(first.grey, other.grey, radius)
    down, back = _one_way(other.grey, first.grey, radius)
    return float(np.sqrt(up / down)), float(np.sqrt(there * back))


def _one_way(first: Array, other: Array, radius: float) -> tuple[float, float]:
    import cv2

    side = len(first)
    axis = np.arange(side) + 0.5 - side / 2
    sizes = np.exp(np.linspace(-np.log(MOST), np.log(MOST), STEPS))
    a, b = first.astype(np.float32), other.astype(np.float32)
    from_middle, to_middle = _centroid(first, radius), _centroid(other, radius)
    scores = []
    for size in sizes:
        # The point of the first crop that is shown at p is c1 + (p - c2) / size.
        offset = from_middle - to_middle / size
        shown = cv2.warpAffine(
            a,
            np.array([[1 / size, 0, offset[0]], [0, 1 / size, offset[1]]]),
            (side, side),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        reach = TEMPLATE_REACH * radius * max(1.0, float(size))
        weight = np.exp(-((np.hypot(axis[:, np.newaxis], axis) / reach) ** 4))
        scores.append(_correlation(shown, b, weight))
    best = int(np.argmax(scores))
    shift = 0.0
    if 0 < best < STEPS - 1:
        before, at, after = scores[best - 1 : best + 2]
        bend = before - 2 * at + after
        shift = float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0
    step = 2 * np.log(MOST) / (STEPS - 1)
    return float(sizes[best] * np.exp(shift * step)), max(0.0, scores[best]) ** 2


def _centroid(grey: Array, radius: float) -> Array:
    """The centre of a mole's darkness, (x, y), in pixels from the crop's top left pixel's centre."""
    side = len(grey)
    axis = np.arange(side) + 0.5 - side / 2
    near = np.hypot(axis[:, np.newaxis], axis) < 1.5 * radius
    weight = np.where(near, np.clip(grey - 0.3 * grey[near].max(), 0, None), 0)
    total = weight.sum()
    if total <= 0:
        return np.full(2, side / 2 - 0.5)
    rows, columns = np.arange(side), np.arange(side)
    return np.array([(weight * columns).sum(), (weight * rows[:, np.newaxis]).sum()]) / total


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32], weight: Array) -> float:
    share = weight / weight.sum()
    a, b = first - (share * first).sum(), second - (share * second).sum()
    return float((share * a * b).sum() / np.sqrt((share * a**2).sum() * (share * b**2).sum() + 1e-12))


def _near(outline: Outline, radius: float) -> Array:
    """1 where the outline is or within a rim of it, so that other moles don't count."""
    from scipy.ndimage import binary_dilation

    near: Array = binary_dilation(outline.mask, iterations=max(1, round(0.25 * radius)))
    return near.astype(float)
