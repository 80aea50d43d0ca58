"""Two photos in one frame: one of them, and the other drawn into it by the map between them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mel_debug.changes.evidence import OUT_OF_VIEW
from mel_debug.changes.peaks import Spot
from mel_debug.changes.spots import SIDE, SkinPlane
from mel_debug.core.geometry import Point, Size
from mel_debug.core.scaling import fitted, resized, valid_cells
from mel_debug.core.stages import PhotoMap
from mel_debug.core.types import Mask, Photo, Pixels

Array = NDArray[np.float64]

STEP = 16
"""Pixels between the points at which the map is computed; it is interpolated between."""

FARTHEST = 1e5
"""Coordinates beyond this are outside any photo, also where a map has a horizon."""

MARK_REACH = 4.0
"""Pixels of the frame within which a mark's spot lies."""


@dataclass(frozen=True, eq=False)
class SharedFrame:
    """A photo scaled to a frame of at most `SIDE` pixels, and another photo drawn into it.

    `warp` maps the photo to the other one.
    """

    photo: Photo
    other_photo: Photo
    warp: PhotoMap

    @cached_property
    def size(self) -> Size:
        size = self.photo.size
        return size if size.longest <= SIDE else fitted(size, SIDE)

    @property
    def scale(self) -> Array:
        """Pixels of the photo per pixel of the frame, (x, y)."""
        size, photo = self.size, self.photo.size
        return np.array([photo.width / size.width, photo.height / size.height])

    @cached_property
    def own(self) -> SkinPlane:
        """The photo itself."""
        return SkinPlane(*_scaled(self.photo, self.size))

    @cached_property
    def other(self) -> SkinPlane:
        """The other photo, as seen in the frame."""
        import cv2

        # The other photo is scaled such that one of its pixels is about one of the frame.
        middle = np.array([[self.photo.size.width / 2, self.photo.size.height / 2]])
        zoom = abs(np.linalg.det(self.warp.jacobians(middle)[0])) ** 0.5 * self.scale.mean()
        there = self.other_photo.size
        shrink = float(np.clip(zoom, 1.0, there.longest / 64))
        size = fitted(there, max(1, round(there.longest / shrink)))
        pixels, valid = _scaled(self.other_photo, size)
        ratio = np.array([size.width / there.width, size.height / there.height])
        at = (self._map * ratio - 0.5).astype(np.float32)
        x, y = np.ascontiguousarray(at[..., 0]), np.ascontiguousarray(at[..., 1])
        drawn = cv2.remap(pixels, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        grey = valid.astype(np.uint8) * np.uint8(255)
        inside = cv2.remap(grey, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) > 127
        return SkinPlane(np.asarray(drawn), np.asarray(inside))

    @cached_property
    def _map(self) -> NDArray[np.float32]:
        """(height, width, 2): the point of the other photo that each pixel of the frame shows."""
        import cv2

        columns, rows = (-(-side // STEP) + 2 for side in (self.size.width, self.size.height))
        x, y = np.meshgrid((np.arange(columns) - 0.5) * STEP, (np.arange(rows) - 0.5) * STEP)
        points = np.stack([x, y], axis=-1).reshape(-1, 2) * self.scale
        mapped = np.clip(self.warp.points(points), -FARTHEST, FARTHEST)
        coarse = mapped.reshape(rows, columns, 2).astype(np.float32)
        fine = cv2.resize(coarse, (columns * STEP, rows * STEP), interpolation=cv2.INTER_LINEAR)
        whole: NDArray[np.float32] = fine[
            STEP : STEP + self.size.height, STEP : STEP + self.size.width
        ]
        return whole

    def obstacle(self, spot: Spot) -> str | None:
        """Why both photos can't be compared at a spot; None if they can."""
        if not self.own.in_view(spot):
            return "at the edge of the skin in view"
        if not self.other.in_view(spot):
            return OUT_OF_VIEW
        if self.own.in_glare(spot):
            return "glare"
        if self.other.in_glare(spot):
            return "glare in the other photo"
        return None

    def point(self, spot: Spot) -> Point:
        """A spot's place in pixels of the photo."""
        x, y = np.array([spot.x, spot.y]) * self.scale
        return Point(float(x), float(y))

    def diameter(self, spot: Spot) -> float:
        """A spot's diameter in pixels of the photo."""
        return float(spot.diameter * self.scale.mean())

    def spot_at(self, point: Point) -> Spot:
        """The spot at a mark of the photo, within a few pixels of the frame."""
        x, y = np.array([point.x, point.y]) / self.scale
        return self.own.spot_at(float(x), float(y), MARK_REACH)

    def other_point(self, spot: Spot) -> Point:
        """Where the map puts a spot in the other photo, in its pixels."""
        at = np.array([[spot.x, spot.y]]) * self.scale
        x, y = self.warp.points(at)[0]
        return Point(float(x), float(y))


def _scaled(photo: Photo, size: Size) -> tuple[Pixels, Mask]:
    pixels = resized(photo.pixels, size)
    if photo.mask is None:
        return pixels, np.ones(pixels.shape[:2], dtype=bool)
    return pixels, valid_cells(photo.mask, size.height, size.width)
