"""Square windows of photos, sampled under an affine map."""

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.geometry import Size
from mel_debug.core.images import Mask
from mel_debug.core.photo import Photo
from mel_debug.core.scaling import resized

Array = NDArray[np.floating]

MARGIN = 4
"""Pixels around a window that interpolation may read."""


def sample_window(
    photo: Photo, centre: Array, step: Array, side: int, channel: int | None = None
) -> NDArray[np.uint8]:
    """Return a (side, side, 3) window around a point (x, y) of a photo; (side, side) of a channel.

    `step` is (2, 2): photo pixels (x, y), by row, per window pixel, by column. If a window pixel
    covers several photo pixels, they are averaged. Border pixels are repeated beyond the photo.
    """
    import cv2

    bound = np.array([photo.size.width, photo.size.height])
    # A photo may be narrower than what a window pixel covers.
    shrink = min(max(1, int(np.sqrt(abs(np.linalg.det(step))) + 0.01)), int(bound.min()))
    corner = centre - step @ np.full(2, side / 2)
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) @ step.T + corner
    low = np.floor(corners.min(axis=0)).astype(int) - MARGIN * shrink
    high = np.ceil(corners.max(axis=0)).astype(int) + MARGIN * shrink
    low = np.clip(low, 0, np.maximum(bound - shrink, 0))
    high = np.clip(high, low + shrink, bound)
    part = photo.region(slice(low[1], high[1]), slice(low[0], high[0])).pixels
    if channel is not None:
        part = np.ascontiguousarray(part[..., channel])
    if shrink > 1:
        size = (high - low) // shrink
        part = resized(part[: size[1] * shrink, : size[0] * shrink], Size(*map(int, size)))
    linear = step / shrink
    # OpenCV's origin is the centre of the first pixel.
    offset = (corner - low) / shrink + linear @ np.array([0.5, 0.5]) - 0.5
    window = cv2.warpAffine(
        part,
        np.hstack([linear, offset[:, np.newaxis]]),
        (side, side),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(window)


def valid_in_window(photo: Photo, centre: Array, step: Array, side: int) -> Mask:
    """Return (side, side): which window pixels have their centre inside the photo and its mask."""
    at = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1) + 0.5 - side / 2
    x, y = np.floor(at @ step.T + centre).astype(int).transpose(2, 0, 1)
    inside: Mask = (x >= 0) & (y >= 0) & (x < photo.size.width) & (y < photo.size.height)
    if inside.any():
        x, y = x[inside], y[inside]
        left, top = int(x.min()), int(y.min())
        around = slice(top, int(y.max()) + 1), slice(left, int(x.max()) + 1)
        mask = photo.region(*around).mask
        if mask is not None:
            inside[inside] = mask[y - top, x - left]
    return inside
