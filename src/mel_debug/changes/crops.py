"""Square crops around a mole, aligned to the photo in which it is marked."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mel_debug.changes.light import SkinLight, in_light_of, skin_light
from mel_debug.core.geometry import Point
from mel_debug.core.sampling import sample_window, valid_in_window
from mel_debug.core.types import Mask, Photo, Pixels

Array = NDArray[np.float64]
LocalMap = tuple[tuple[float, float], tuple[float, float]]
"""Change of a photo's (x, y), by row, per pixel of the first photo, by column."""

IDENTITY: LocalMap = ((1.0, 0.0), (0.0, 1.0))

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
        sample_window(photo, at, linear, frame.side),
        valid_in_window(photo, at, linear, frame.side),
        native,
    )
