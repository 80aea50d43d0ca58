"""Distinct dark blobs on the source's skin, as anchors for moles that have few other moles near."""

from weakref import WeakKeyDictionary

import cv2
import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.matchers.geometric.anchors import LENGTH
from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.core.geometry import Size
from mel_debug.core.laplacian import GREY_FLOOR, is_round
from mel_debug.core.scaling import fitted, resized, valid_cells
from mel_debug.core.types import Photo

SIDE = 1000
"""Longer side in pixels at which blobs are searched: a mole of 0.3 % of the side has 3 pixels."""

SIGMAS = (0.8, 1.4, 2.4)
"""Pixels of that size; standard deviations of the blobs' inner Gaussian. The outer one is 1.6 times
as wide, where the difference is closest to a Laplacian (Marr and Hildreth 1980)."""

LEAST_CONTRAST = 0.01
"""Least difference of log intensities at a blob's centre."""

APART = 0.012
"""Share of the longer side between two anchors, 72 px of 6000."""

REACH = 2.0
"""Length scales of the anchors' Gaussian process within which a blob supports a mole."""

WANTED = 10
"""Anchors that each mole should have within reach; blobs are added until it has."""

MOST_BLOBS = 30
"""Blobs in all, which limits the time."""


_KNOWN: "WeakKeyDictionary[Photo, tuple[Array, Array]]" = WeakKeyDictionary()
"""The blobs of photos in use, for the next mole."""


def all_blobs(photo: Photo) -> tuple[Array, Array]:
    """Return the places (n, 2) in photo pixels of all dark blobs, and their contrasts (n,).

    Those with the highest contrast come first.
    """
    if photo not in _KNOWN:
        places, contrasts = _blobs(photo)
        order = np.argsort(-contrasts, kind="stable")
        _KNOWN[photo] = places[order], contrasts[order]
    return _KNOWN[photo]


def choose_blobs(photo: Photo, moles: Array) -> Array:
    """Return (n, 2) pixels of the photo: dark blobs near the (m, 2) moles, but not at them.

    Moles count as anchors of each other. Blobs with the highest contrast near a mole that lacks
    anchors come first. The same photo and moles always give the same blobs.
    """
    longest = photo.size.longest
    places, contrasts = all_blobs(photo)
    if not len(places):
        return places
    away = _distances(places, moles) / longest
    within = away < REACH * LENGTH
    missing = WANTED - (_distances(moles, moles) < REACH * LENGTH * longest).sum(axis=0) + 1
    # Anchors nearby predict more than those farther away.
    value = contrasts * np.exp(-((away.min(axis=1) / (REACH * LENGTH)) ** 2))
    value[away.min(axis=1) < APART] = 0
    chosen: list[int] = []
    for number in np.argsort(-value, kind="stable"):
        if len(chosen) == MOST_BLOBS or value[number] == 0:
            break
        if not (missing[within[number]] > 0).any():
            continue
        if chosen and np.hypot(*(places[chosen] - places[number]).T).min() < APART * longest:
            continue
        chosen.append(int(number))
        missing[within[number]] -= 1
    return places[chosen]


def _blobs(photo: Photo) -> tuple[Array, Array]:
    dark, valid = _darkness(photo)
    stack = []
    for sigma in SIGMAS:
        inner, outer = (cv2.GaussianBlur(dark, (0, 0), width) for width in (sigma, 1.6 * sigma))
        stack.append(inner - outer)
    best = np.max(stack, axis=0)
    # The edge of the mask is no blob, nor is what it cuts in two.
    margin = round(2.5 * max(SIGMAS)) + 1
    inside = cv2.erode(valid, np.ones((3, 3), np.uint8), iterations=margin) > 0
    square = np.ones((5, 5), np.uint8)
    peaks = (best == cv2.dilate(best, square)) & (best > LEAST_CONTRAST) & inside
    at = np.argwhere(peaks)
    levels = np.asarray(stack)
    at = at[is_round(levels, levels[:, at[:, 0], at[:, 1]].argmax(axis=0), at)]
    scale = np.array([photo.size.width, photo.size.height]) / np.array(best.shape[::-1])
    return (at[:, ::-1] + 0.5) * scale, best[tuple(at.T)].astype(float)


def _darkness(photo: Photo) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return minus the log of green, 0 at the skin's median and outside the mask; and the mask."""
    preview = photo.preview
    size = fitted(preview.size, min(SIDE, preview.size.longest))
    pixels = resized(preview.pixels, Size(size.width, size.height))
    valid = np.ones(pixels.shape[:2], dtype=bool)
    if preview.mask is not None:
        valid = valid_cells(preview.mask, size.height, size.width)
    dark = -np.log(pixels[..., 1].astype(np.float32) + np.float32(GREY_FLOOR))
    if valid.any():
        dark = np.where(valid, dark - np.median(dark[valid]), np.float32(0))
    # Beyond the photo there is no skin either.
    framed = np.zeros(valid.shape, dtype=np.uint8)
    framed[1:-1, 1:-1] = valid[1:-1, 1:-1]
    return dark.astype(np.float32), framed


def _distances(first: Array, second: Array) -> Array:
    distances: Array = np.linalg.norm(first[:, np.newaxis] - second, axis=2)
    return distances
