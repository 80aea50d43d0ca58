"""Square crops around a mole, aligned to the photo in which it is marked."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mel_debug.changes.light import SkinLight, in_light_of, skin_light
from mel_debug.core.geometry import Point, Size
from mel_debug.core.scaling import resized
from mel_debug.core.types import Mask, Photo, Pixels

Array = NDArray[np.float64]
LocalMap = tuple[tuple[float, float], tuple[float, float]]
"""Change of a photo's (x, y), by row, per pixel of the first photo, by column."""

IDENTITY: LocalMap = ((1.0, 0.0), (0.0, 1.0))

MARGIN = 4
"""Pixels around a crop that interpolation may read."""

BLOWN_OUT = 250
"""Grey level from which a pixel has lost its colour to glare."""

RING = (1.7, 3.6)
"""Radii between which the skin around a mole is measured, in radii of the mole."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A square in the first photo: what all crops of a mole show.

    `side` is in pixels of the crop, `step` in pixels of the first photo per pixel of the crop.
    """

    side: int
    step: float

    @property
    def middle(self) -> float:
        return self.side / 2

    def radii(self) -> Array:
        """(side, side): distance of each pixel from the middle, in pixels of the crop."""
        axis = np.arange(self.side) + 0.5 - self.middle
        radii: Array = np.hypot(axis[:, np.newaxis], axis)
        return radii


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A crop of a photo in the frame of the first photo.

    `pixels` is (side, side, 3) RGB; `valid` (side, side) is False outside the photo and its mask.
    `native` is the number of the photo's own pixels per pixel of the crop, so that a crop with
    fewer than one is enlarged.
    """

    frame: Frame
    pixels: Pixels
    valid: Mask
    native: float

    def ring(self, radius: float) -> Mask:
        """The skin around a mole of a radius in pixels of the crop, (side, side) bool."""
        radii = self.frame.radii()
        around: Mask = (radii > RING[0] * radius) & (radii < RING[1] * radius) & self.valid
        return around

    def light(self, radius: float) -> SkinLight | None:
        """The light on the skin around a mole; None if too little of it is in view."""
        return skin_light(self.pixels, self.ring(radius))

    def blown_out(self, radius: float) -> float:
        """The share of pixels within a radius that have lost their colour to glare."""
        inside = (self.frame.radii() < radius) & self.valid
        if not inside.any():
            return 0.0
        return float((self.pixels[inside].max(axis=1) >= BLOWN_OUT).mean())

    def blurred(self, sigma: float) -> "Crop":
        """This crop with a Gaussian blur, sigma in its pixels."""
        import cv2

        pixels = np.asarray(cv2.GaussianBlur(self.pixels, (0, 0), sigma))
        return Crop(self.frame, pixels, self.valid, self.native)

    def in_light_of(self, other: "Crop", radius: float) -> "Crop":
        """This crop with its skin in the light of another's; itself where either is unknown."""
        own, wanted = self.light(radius), other.light(radius)
        if own is None or wanted is None:
            return self
        pixels = in_light_of(self.pixels, own, wanted)
        return Crop(self.frame, pixels, self.valid, self.native)


def aligned_crop(photo: Photo, centre: Point, frame: Frame, local: LocalMap = IDENTITY) -> Crop:
    """Return what a photo shows of a frame: same centre, turn and size as in the first photo.

    `centre` is the mole in this photo, and `local` maps the first photo to this one around it. A
    mirrored or degenerate map is the caller's fault and raises ValueError.
    """
    linear = np.array(local) * frame.step
    area = float(np.linalg.det(linear))
    if not (np.isfinite(linear).all() and area > 0):
        raise ValueError(f"a local map keeps its orientation, unlike {local}")
    at = np.array([centre.x, centre.y])
    native = area**0.5
    return Crop(
        frame,
        _sampled(photo, at, linear, frame.side),
        _valid(photo, at, linear, frame.side),
        native,
    )


def _sampled(photo: Photo, centre: Array, step: Array, side: int) -> Pixels:
    """The pixels of a crop, (side, side, 3); photo pixels are averaged where it is coarser."""
    import cv2

    shrink = max(1, int(abs(np.linalg.det(step)) ** 0.5 + 0.01))
    corner = centre - step @ np.full(2, side / 2)
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) @ step.T + corner
    bound = np.array([photo.size.width, photo.size.height])
    low = np.floor(corners.min(axis=0)).astype(int) - MARGIN * shrink
    high = np.ceil(corners.max(axis=0)).astype(int) + MARGIN * shrink
    low = np.clip(low, 0, np.maximum(bound - shrink, 0))
    high = np.clip(high, low + shrink, bound)
    part = photo.pixels[low[1] : high[1], low[0] : high[0]]
    if shrink > 1:
        size = (high - low) // shrink
        part = resized(part[: size[1] * shrink, : size[0] * shrink], Size(*map(int, size)))
    linear = step / shrink
    # OpenCV's origin is the centre of the first pixel.
    offset = (corner - low) / shrink + linear @ np.array([0.5, 0.5]) - 0.5
    sampled = cv2.warpAffine(
        part,
        np.hstack([linear, offset[:, np.newaxis]]),
        (side, side),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(sampled)


def _valid(photo: Photo, centre: Array, step: Array, side: int) -> Mask:
    """(side, side): which pixels of a crop lie inside the photo and its mask."""
    at = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1) + 0.5 - side / 2
    x, y = np.floor(at @ step.T + centre).astype(int).transpose(2, 0, 1)
    inside: Mask = (x >= 0) & (y >= 0) & (x < photo.size.width) & (y < photo.size.height)
    if photo.mask is not None:
        inside[inside] = photo.mask[y[inside], x[inside]]
    return inside
