"""Small pictures for pages: crops of photos around points, and overviews of whole photos."""

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point, Size
from mel_debug.core.scaling import fitted, resized
from mel_debug.core.types import Photo, Pixels
from mel_debug.files.outputs import OutputGuard
from mel_debug.files.photos import read_photo
from mel_debug.files.pictures import write_picture

CROP_SHARE = 1 / 16
"""Side of a crop as a share of its photo's longer side: a mole and its neighbourhood."""

CROP_SIDE, GAP = 300, 8
"""Picture pixels: the side of a crop, and the space between two crops."""

GAP_GREY = 128
"""Grey of the gap, which suits light pages and dark ones."""

OVERVIEW_SIDE = 640
"""Longer side of an overview in picture pixels."""

QUALITY = 80
"""JPEG quality of both: two crops take 15 to 35 kB, an overview 25 to 60."""

BEYOND = (0, 0, 0)
"""RGB of pixels of a crop outside the photo: black."""


def crop(photo: Photo, centre: Point) -> Pixels:
    """A square around a point of a photo, (`CROP_SIDE`, `CROP_SIDE`, 3); decodes the photo."""
    side = max(16, round(photo.size.longest * CROP_SHARE))
    left, top = round(centre.x - side / 2), round(centre.y - side / 2)
    window = photo.crop(left, top, Size(side, side), BEYOND)
    return resized(window.pixels, Size(CROP_SIDE, CROP_SIDE))


def crop_place(photo: Photo, centre: Point, point: Point) -> Point:
    """Where a crop around `centre` shows another point, in picture pixels of the crop."""
    zoom = CROP_SIDE / max(16, round(photo.size.longest * CROP_SHARE))
    middle = CROP_SIDE / 2
    return Point(middle + (point.x - centre.x) * zoom, middle + (point.y - centre.y) * zoom)


def whole(photo: Photo) -> Pixels:
    """A whole photo in the middle of a square of `CROP_SIDE`, on grey; decodes the photo."""
    size = fitted(photo.size, CROP_SIDE)
    picture = np.full((CROP_SIDE, CROP_SIDE, 3), GAP_GREY, dtype=np.uint8)
    top, left = (CROP_SIDE - size.height) // 2, (CROP_SIDE - size.width) // 2
    picture[top : top + size.height, left : left + size.width] = photo.scaled(size)
    return picture


def whole_place(photo: Photo, point: Point) -> Point:
    """Where `whole` shows a point of the photo, in picture pixels."""
    size = fitted(photo.size, CROP_SIDE)
    x, y = point.x * size.width / photo.size.width, point.y * size.height / photo.size.height
    return Point((CROP_SIDE - size.width) // 2 + x, (CROP_SIDE - size.height) // 2 + y)


def short_name(path: Path) -> str:
    """The name of a photo with that of its folder: a session often has just a `0.jpg`."""
    return "/".join(path.parts[-2:])


def write_strip(path: Path, crops: Sequence[Pixels], *, guard: OutputGuard | None = None) -> Size:
    """Save crops side by side as one JPEG; returns its size. Raises like `write_picture`."""
    gap = np.full((CROP_SIDE, GAP, 3), GAP_GREY, dtype=np.uint8)
    parts = [part for each in crops for part in (gap, each)][1:]
    strip = np.hstack(parts)
    write_picture(path, strip, guard=guard, quality=QUALITY)
    return Size(strip.shape[1], strip.shape[0])


def write_overview(path: Path, photo: Photo, *, guard: OutputGuard | None = None) -> Size:
    """Save a photo at `OVERVIEW_SIDE`; returns the size of the picture. Decodes the photo."""
    size = fitted(photo.size, min(OVERVIEW_SIDE, photo.size.longest))
    write_picture(path, photo.scaled(size), guard=guard, quality=QUALITY)
    return size


@dataclass(slots=True)
class OpenPhotos:
    """The photos used last, without their masks; a few, as decoded ones are large."""

    most: int = 3
    _open: "OrderedDict[Path, Photo | None]" = field(default_factory=OrderedDict)

    def get(self, path: Path) -> Photo | None:
        """A photo, or None if it cannot be read. Its pixels may still fail to decode."""
        if path not in self._open:
            self._open[path] = None
            with suppress(MelError):
                self._open[path] = read_photo(path, use_mask=False)
        self._open.move_to_end(path)
        while len(self._open) > self.most:
            self._open.popitem(last=False)
        return self._open[path]

    def prefetch(self, *paths: Path) -> None:
        """Start decoding photos that are needed soon, each in a thread."""
        for path in paths:
            photo = self.get(path)
            if photo is not None:
                photo.prefetch()
