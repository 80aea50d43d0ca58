"""Dark spots on the skin of a photo: a scale space of its darkness, and the peaks in it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mel_debug.changes.peaks import SIGMAS, Spot, distinct, is_spot
from mel_debug.core.types import Mask, Pixels

Array = NDArray[np.float64]
Plane = NDArray[np.float32]

SIDE = 2000
"""Longer side at which spots are sought, at most. A mole of 8 pixels of a photo of 5 megapixels
still has 6."""

FINEST = 3.0
"""Least sigma in pixels with which larger sizes are computed, on a smaller plane."""

GREY_FLOOR = 8.0
"""Added to grey levels before the logarithm, so that noise in deep shade has little contrast."""

DARKEST = 1.2
"""Darkness relative to the skin around is clipped here, so that a strap's edge counts less."""

AROUND = 80.0
"""Sigma in pixels of the skin around, to which darkness is relative."""

COARSE = 8
"""Pixels per side over which the skin around is averaged first, which saves time."""

LEAST = 0.03
"""Least response of a spot: that of a disc a twentieth darker than the skin around."""

MOST_SPOTS = 400
"""The strongest spots of a photo are used."""

BLOWN_OUT = 238
"""Grey level from which a pixel counts as glare."""

GLARE_REACH, MOST_GLARE = 3.5, 0.02
"""A spot is in glare if more than this share of the pixels within these sigmas is blown out."""

COVERED = 0.4
"""Mean log darkness of what covers skin."""

COVER_REACH, COVER_LEAST_PX = 1.5, 4
"""Half the side of the square around a spot for that mean: in sigmas, and the least in pixels."""

EDGE = 2.5
"""Distance from the edge of the skin, in sigmas, that a spot needs."""


@dataclass(frozen=True, eq=False)
class SkinPlane:
    """The skin of a photo, or of one photo drawn into the frame of another.

    `pixels` is (height, width, 3) and `valid` (height, width), True on skin in view.
    """

    pixels: Pixels
    valid: Mask

    @cached_property
    def responses(self) -> list[Plane]:
        """For each of `SIGMAS`, minus the normalised Laplacian of Gaussian of the darkness.

        (height, width) each; high in the middle of dark spots (Lindeberg 1998).
        """
        return self._responses(1)

    @cached_property
    def red_responses(self) -> list[Plane]:
        """The same for red light, which blood absorbs far less than melanin does."""
        return self._responses(0)

    @cached_property
    def darkness(self) -> Plane:
        """(height, width): log darkness relative to the skin around; 0 outside the skin."""
        return self._darkness(1)

    def is_covered(self, spot: Spot) -> bool:
        """Whether what is at a spot's place is as dark as a strap or hair, and as wide or wider."""
        row, column = self._cell(spot)
        reach = max(COVER_LEAST_PX, round(COVER_REACH * spot.sigma))
        part = np.s_[
            max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1
        ]
        return float(self.darkness[part].mean()) > COVERED

    def _responses(self, channel: int) -> list[Plane]:
        import cv2

        dark = self.darkness if channel == 1 else self._darkness(channel)
        found = []
        height, width = dark.shape
        for sigma in SIGMAS:
            shrink = 2 ** max(0, int(np.log2(sigma / FINEST)))
            small = (max(1, round(width / shrink)), max(1, round(height / shrink)))
            plane = dark if shrink == 1 else cv2.resize(dark, small, interpolation=cv2.INTER_AREA)
            smooth = cv2.GaussianBlur(plane, (0, 0), sigma / shrink)
            response = cv2.Laplacian(smooth, cv2.CV_32F) * np.float32(-((sigma / shrink) ** 2))
            whole = response if shrink == 1 else cv2.resize(response, (width, height))
            found.append(np.asarray(whole))
        return found

    def _darkness(self, channel: int) -> Plane:
        """Log darkness relative to the skin around; 0 outside the skin."""
        import cv2

        logs = -np.log(self.pixels[..., channel].astype(np.float32) + np.float32(GREY_FLOOR))
        share = self.valid.astype(np.float32)
        logs = np.where(self.valid, logs, np.float32(0))
        # A coarse mean is enough, and far faster.
        small = (max(1, logs.shape[1] // COARSE), max(1, logs.shape[0] // COARSE))
        sums, counts = (
            cv2.GaussianBlur(
                cv2.resize(each, small, interpolation=cv2.INTER_AREA), (0, 0), AROUND / COARSE
            )
            for each in (logs, share)
        )
        mean = cv2.resize(sums / np.maximum(counts, 1e-3), logs.shape[::-1])
        dark = np.where(self.valid, logs - mean, np.float32(0))
        return np.clip(dark, -DARKEST, DARKEST).astype(np.float32)

    @cached_property
    def distance(self) -> Plane:
        """(height, width): the distance of each pixel from the edge of the skin, in pixels."""
        import cv2

        framed = np.pad(self.valid.astype(np.uint8), 1)
        return np.asarray(cv2.distanceTransform(framed, cv2.DIST_L2, 3))[1:-1, 1:-1]

    @cached_property
    def _blown_out(self) -> NDArray[np.float64]:
        """The integral image of pixels that glare has blown out."""
        import cv2

        bright = (self.pixels.max(axis=2) > BLOWN_OUT) & self.valid
        return np.asarray(cv2.integral(bright.astype(np.uint8)), dtype=np.float64)

    def in_view(self, spot: Spot) -> bool:
        """Whether the skin around a spot is in view."""
        row, column = self._cell(spot)
        return bool(self.distance[row, column] > EDGE * spot.sigma)

    def in_glare(self, spot: Spot) -> bool:
        """Whether glare has blown out part of what surrounds a spot."""
        row, column = self._cell(spot)
        reach = round(GLARE_REACH * spot.sigma)
        height, width = self.valid.shape
        top, bottom = max(0, row - reach), min(height, row + reach + 1)
        left, right = max(0, column - reach), min(width, column + reach + 1)
        sums = self._blown_out
        count = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        return bool(count / ((bottom - top) * (right - left)) > MOST_GLARE)

    def strongest(self, spot: Spot, radius: float, *, red: bool = False, levels: int = 2) -> float:
        """The highest response within a radius of a spot, up to `levels` scales from its own."""
        row, column = self._cell(spot)
        reach = int(np.ceil(radius))
        height, width = self.valid.shape
        rows = np.arange(max(0, row - reach), min(height, row + reach + 1))
        columns = np.arange(max(0, column - reach), min(width, column + reach + 1))
        near = np.hypot(rows[:, np.newaxis] - row, columns - column) <= max(radius, 0.5)
        stack = self.red_responses if red else self.responses
        some = stack[max(0, spot.level - levels) : spot.level + levels + 1]
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return max(float(level[part][near].max()) for level in some)

    def at(self, spot: Spot, *, red: bool = False) -> float:
        """The response at a spot's own place and scale."""
        row, column = self._cell(spot)
        return float((self.red_responses if red else self.responses)[spot.level][row, column])

    def _cell(self, spot: Spot) -> tuple[int, int]:
        height, width = self.valid.shape
        return (
            int(np.clip(np.floor(spot.y), 0, height - 1)),
            int(np.clip(np.floor(spot.x), 0, width - 1)),
        )

    def spots(self) -> list[Spot]:
        """The dark spots in view that are no lines, the strongest first."""
        import cv2

        stack = self.responses
        square = np.ones((3, 3), np.uint8)
        wide = [np.asarray(cv2.dilate(level, square)) for level in stack]
        found: list[Spot] = []
        for number, level in enumerate(stack):
            peaks = (level == wide[number]) & (level > LEAST)
            peaks &= self.distance > EDGE * SIGMAS[number]
            for other in (number - 1, number + 1):
                if 0 <= other < len(stack):
                    peaks &= level >= wide[other]
            rows, columns = np.nonzero(peaks)
            spotlike = is_spot(level, rows, columns, SIGMAS[number])
            found += [
                Spot(float(column) + 0.5, float(row) + 0.5, number, float(level[row, column]))
                for row, column in zip(rows[spotlike], columns[spotlike], strict=True)
            ]
        return distinct(sorted(found, key=lambda spot: -spot.response))[:MOST_SPOTS]

    def spot_at(self, x: float, y: float, reach: float) -> Spot:
        """The strongest spot within `reach` pixels of a place, at its best scale."""
        here = Spot(x, y, 0, 0.0)
        row, column = self._cell(here)
        top, left = max(0, int(row - reach)), max(0, int(column - reach))
        part = np.s_[top : int(row + reach) + 1, left : int(column + reach) + 1]
        number = int(np.argmax([level[part].max() for level in self.responses]))
        level = self.responses[number][part]
        down, across = divmod(int(level.argmax()), level.shape[1])
        return Spot(left + across + 0.5, top + down + 0.5, number, float(level.max()))
