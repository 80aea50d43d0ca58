"""Moles of a photo: its own marks, and the most distinct dark spots of its skin."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mel_debug.confidence.blobs import (
    DARKEST,
    FULL_SIDE,
    SIGMAS,
    WINDOW_SHARE,
    blob_at,
)
from mel_debug.core.geometry import Point
from mel_debug.core.laplacian import GREEN, darkness, laplacian
from mel_debug.core.types import Photo, Preview

Array = NDArray[np.float64]
Flat = NDArray[np.intp]

APART = 0.015
"""Least distance of two spots as a share of the longer side."""

_EDGE_SIGMAS = 4.0
"""Least distance of a spot to the edge of the skin, in sigmas: the width of the detector."""

_LEAST_CONTRAST = 0.06  # clearly above that of a blob at all, `blobs.LEAST_CONTRAST`
_LEAST_SALIENCE = 5.0  # in standard deviations of the responses on skin; texture rarely has more
_LEAST_SIGMA = 1.0  # preview pixels; smaller spots are lost in noise and JPEG
_RING_SIGMAS = 3.5
_RING_POINTS = 24


@dataclass(frozen=True, slots=True)
class Spot:
    """A mole of a photo: ``point`` is a pixel centre and ``sigma`` its size, both in pixels.

    The sigma is that of the Gaussian that fits the spot best; a disc has a radius of 1.4 sigmas.
    ``contrast`` is the detector's response (`confidence.blobs`), about 0.1 for a pale freckle.
    """

    uuid: str
    point: Point
    sigma: float
    contrast: float


def spots_of(photo: Photo, marks: Iterable[Point], most: int) -> tuple[Spot, ...]:
    """Return all marks of a photo, then its strongest dark spots until there are ``most``.

    Marks outside the photo or its mask are left out. No spot lies within `APART` of another one or
    of a mark. Uuids are derived from the photo's pixels and the position.
    """
    longest = photo.size.longest
    content = hashlib.blake2b(photo.pixels.tobytes(), digest_size=16).digest()
    spots: list[Spot] = []
    for mark in marks:
        point = Point.centre_of_pixel(*mark.pixel)
        inside = 0 <= point.x < photo.size.width and 0 <= point.y < photo.size.height
        if inside and not photo.masks_out(point) and all(point != spot.point for spot in spots):
            blob = blob_at(photo, point)
            spots.append(Spot(_uuid(content, point), point, blob.sigma * longest, blob.contrast))
    for point, sigma, contrast in _dark_spots(photo):
        if len(spots) >= most:
            break
        if all(point.distance_to(spot.point) >= APART * longest for spot in spots):
            spots.append(Spot(_uuid(content, point), point, sigma, contrast))
    return tuple(spots)


def _uuid(content: bytes, point: Point) -> str:
    x, y = point.pixel
    return hashlib.blake2b(content + f"{x} {y}".encode(), digest_size=16).hexdigest()


def _dark_spots(photo: Photo) -> Iterator[tuple[Point, float, float]]:
    """Yield pixel centre, sigma and contrast of round dark spots, the strongest first.

    They are maxima of the normalised Laplacian of Gaussian over place and size (Lindeberg 1998).
    """
    import cv2

    preview = photo.preview
    valid = _padded_mask(preview)
    depth = cv2.distanceTransform(valid, cv2.DIST_L2, 5)[1:-1, 1:-1]
    dark = darkness(preview.pixels[..., GREEN])
    skin = valid[1:-1, 1:-1] > 0
    if not skin.any():
        return
    dark -= np.median(dark[skin])
    dark[~skin] = 0.0  # like skin, as the edges of what is masked out would be strong
    found: list[tuple[float, float, int, int]] = []
    stack = [(sigma, laplacian(dark, sigma)) for sigma in _sigmas(preview)]
    for level, (sigma, response) in enumerate(stack):
        around = [other for _, other in stack[max(0, level - 1) : level + 2]]
        highest = np.max([cv2.dilate(other, np.ones((3, 3))) for other in around], axis=0)
        step = max(1, int(sigma))  # responses within a sigma are correlated
        # A normal distribution's standard deviation is 1.4826 times the median absolute deviation.
        noise = 1.4826 * float(np.median(np.abs(response[::step, ::step][skin[::step, ::step]])))
        least = max(_LEAST_CONTRAST, _LEAST_SALIENCE * noise)
        peaks = (response == highest) & (response >= least)
        rows, columns = np.nonzero(peaks & (depth > _EDGE_SIGMAS * sigma))
        alone = _stands_alone(cv2.GaussianBlur(dark, (0, 0), sigma), rows, columns, sigma)
        for row, column in zip(rows[alone], columns[alone], strict=True):
            found.append((float(response[row, column]), sigma, int(row), int(column)))
    across = photo.size.width / preview.size.width
    down = photo.size.height / preview.size.height
    for contrast, sigma, row, column in sorted(found, key=lambda each: (-each[0], *each[1:])):
        point = Point((column + 0.5) * across, (row + 0.5) * down)
        yield Point.centre_of_pixel(*point.pixel), sigma * across, contrast


def _padded_mask(preview: Preview) -> NDArray[np.uint8]:
    """Return the mask (H + 2, W + 2) as 0 and 1; the frame of 0 makes the photo's edge one too."""
    size = preview.size
    padded = np.zeros((size.height + 2, size.width + 2), dtype=np.uint8)
    padded[1:-1, 1:-1] = 1 if preview.mask is None else preview.mask
    return padded


def _sigmas(preview: Preview) -> list[float]:
    """Return the detector's sigmas in pixels of a preview, which are smaller for tiny photos."""
    shrunk = min(1.0, preview.size.longest * WINDOW_SHARE / FULL_SIDE)
    return [sigma * shrunk for sigma in SIGMAS if sigma * shrunk >= _LEAST_SIGMA]


def _stands_alone(smooth: Array, rows: Flat, columns: Flat, sigma: float) -> NDArray[np.bool_]:
    """Return for each place whether it is a dark spot on an even surface, no line and no edge.

    ``smooth`` is darkness, 0 for the median of the skin. No point of the ring around a spot may
    have more than half its contrast to the ring, and the ring may be neither cloth nor deep shade.
    """
    angles = np.arange(_RING_POINTS) * (2 * np.pi / _RING_POINTS)
    down = np.rint(_RING_SIGMAS * sigma * np.sin(angles)).astype(np.intp)
    across = np.rint(_RING_SIGMAS * sigma * np.cos(angles)).astype(np.intp)
    # Places lie farther from the edge than the ring.
    ring = smooth[rows[:, np.newaxis] + down, columns[:, np.newaxis] + across]
    usual = np.median(ring, axis=1)
    contrast = smooth[rows, columns] - usual
    uneven = np.abs(ring - usual[:, np.newaxis]).max(axis=1)
    alone: NDArray[np.bool_] = (uneven < 0.5 * contrast) & (np.abs(usual) < DARKEST)
    return alone
