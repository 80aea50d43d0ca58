"""A photo seen again: its pixels through a warp, with spots painted out, in another light."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mel_debug.confidence.blobs import LEAST_CONTRAST, contrast_at
from mel_debug.core.geometry import Point, Size
from mel_debug.core.types import Photo

from .alterations import relit
from .develop import expose
from .levels import Change
from .photo_spots import Spot
from .rendering import MolePosition, RenderedPhoto
from .retouch import CORE, RIM, paint_out
from .warps import Warp

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

VISIBLE = 0.1
"""Least contrast of a spot to paint out; without a paler one the skin looks nearly the same."""

_ROWS = 512
_OUTSIDE = 128  # grey level where the source shows nothing
_CHOICES = 4  # sources of skin to try for each spot


def with_spots_removed(
    original: Photo, size: Size, spots: Sequence[Spot]
) -> tuple[Photo, frozenset[str]]:
    """Return the photo with spots painted out, and the uuids of those that have really gone.

    Positions and sizes of spots are in pixels of a version of the photo of ``size``. A spot at
    the edge of the skin can't be painted out, and where another one lies close, a dark spot
    may still be visible.
    """
    pixels = original.pixels.copy()
    finer = original.size.width / size.width, original.size.height / size.height
    left = list(spots)
    gone: set[str] = set()
    for choice in range(_CHOICES):
        painted = [
            spot
            for spot in left
            if paint_out(
                pixels, original.mask, _scaled(spot.point, finer), spot.sigma * finer[0], choice
            )
        ]
        changed = Photo.of(pixels, original.mask)
        clean = [
            spot
            for spot in painted
            if contrast_at(changed, _scaled(spot.point, finer), 1) < LEAST_CONTRAST[1]
        ]
        gone.update(spot.uuid for spot in clean)
        left = [spot for spot in left if spot.uuid not in gone]
    return Photo.of(pixels, original.mask), frozenset(gone)


def _scaled(point: Point, factors: tuple[float, float]) -> Point:
    return Point(point.x * factors[0], point.y * factors[1])


def view(original: Photo, change: Change) -> tuple[Pixels, Mask]:
    """Return the pixels (H, W, 3) and the mask (H, W) of a changed view of a photo.

    The photo may be finer than the source of the warp, of which it is the original. The view is
    grey, and its mask False, where the photo shows nothing.
    """
    import cv2

    warp = change.warp
    finer = np.array(
        [original.size.width / warp.source.width, original.size.height / warp.source.height]
    )
    source = _smoothed(original.pixels, float(finer[0]) / _median_scale(change))
    valid = np.full(source.shape[:2], 255, dtype=np.uint8)
    if original.mask is not None:
        valid[~original.mask] = 0
    pixels = np.empty((warp.target.height, warp.target.width, 3), dtype=np.uint8)
    mask = np.empty(pixels.shape[:2], dtype=bool)
    for top in range(0, warp.target.height, _ROWS):
        rows = slice(top, min(top + _ROWS, warp.target.height))
        # OpenCV counts from the centre of the first pixel.
        at = (warp.sampling_map(top, rows.stop - top) * finer - 0.5).astype(np.float32)
        x, y = np.ascontiguousarray(at[..., 0]), np.ascontiguousarray(at[..., 1])
        seen = cv2.remap(source, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        outside = (x < -0.5) | (y < -0.5)
        outside |= (x > source.shape[1] - 0.5) | (y > source.shape[0] - 0.5)
        pixels[rows] = relit(seen, change.light, warp.target, top)
        pixels[rows][outside] = _OUTSIDE
        mask[rows] = cv2.remap(valid, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) > 127
        mask[rows] &= ~outside
    return expose(pixels, change.optics), mask


def _median_scale(change: Change) -> float:
    """Return the pixels of the target per pixel of the source in the middle of the target."""
    warp = change.warp
    middle = warp.to_source(np.array([warp.target.width / 2, warp.target.height / 2]))
    return warp.scale_at((float(middle[0]), float(middle[1])))


def _smoothed(pixels: Pixels, shrink: float) -> Pixels:
    """Return the pixels blurred against aliasing, to be sampled ``shrink`` pixels apart."""
    import cv2

    if shrink <= 1.1:
        return pixels
    # The blur of a pixel `shrink` times as wide, less that of the pixels themselves.
    blurred: Pixels = cv2.GaussianBlur(pixels, (0, 0), 0.45 * math.sqrt(shrink**2 - 1))
    return blurred


def warped(
    original: Photo,
    change: Change,
    spots: Sequence[Spot],
    rng: np.random.Generator,
    *,
    absent: float = 0.0,
) -> RenderedPhoto:
    """Return a changed view of a photo with its exact truth; see `view`.

    A random share ``absent`` of the spots in view is painted out. In a mirrored view every
    spot is absent, because no skin of the photo has the same arrangement.
    """
    warp = change.warp
    in_view = [spot for spot in spots if _is_in_view(warp, spot)]
    chosen = [] if warp.is_mirrored else _drawn(rng, in_view, round(absent * len(in_view)))
    if chosen:
        original, removed = with_spots_removed(original, warp.source, chosen)
    else:
        removed = frozenset()
    pixels, mask = view(original, change)
    left_out = {spot.uuid for spot in chosen} - removed
    here: list[MolePosition] = []
    gone: list[MolePosition] = []
    for spot in in_view:
        x, y = map(float, warp.to_target(np.array([spot.point.x, spot.point.y])))
        if mask[int(y), int(x)] and spot.uuid not in left_out:
            is_gone = warp.is_mirrored or spot.uuid in removed
            (gone if is_gone else here).append(MolePosition(spot.uuid, x, y))
    return RenderedPhoto(
        pixels=pixels,
        mask=mask,
        moles=tuple(here),
        absent=tuple(gone),
        orientation=change.optics.orientation,
        jpeg_quality=change.optics.jpeg_quality,
    )


def _is_in_view(warp: Warp, spot: Spot) -> bool:
    """Return whether a spot and its edge are inside the target."""
    x, y = map(float, warp.to_target(np.array([spot.point.x, spot.point.y])))
    edge = CORE * spot.sigma * warp.scale_at((spot.point.x, spot.point.y))
    return edge < x < warp.target.width - edge and edge < y < warp.target.height - edge


def _drawn(rng: np.random.Generator, spots: Sequence[Spot], count: int) -> list[Spot]:
    """Draw up to ``count`` visible spots that can be painted out without touching another one."""
    lonely = [
        spot
        for spot in spots
        if spot.contrast >= VISIBLE
        and all(
            spot.point.distance_to(other.point) > RIM * spot.sigma + CORE * other.sigma
            for other in spots
            if other is not spot
        )
    ]
    return [lonely[index] for index in rng.permutation(len(lonely))[:count]]
