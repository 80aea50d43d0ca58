"""Painted skin with moles of known size, and maps between photos that are known exactly."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mel_debug.core.types import Pixels

Array = NDArray[np.float64]

SKIN = (205.0, 160.0, 135.0)
BROWN, RED = (0.48, 1.0, 1.62), (0.22, 1.0, 0.85)
"""Optical depths of melanin and blood in red, green and blue, green being 1."""


@dataclass(frozen=True)
class Disc:
    """A mole: its place and diameter in pixels, its depth in green, and its colour."""

    x: float
    y: float
    diameter: float
    depth: float = 0.5
    colour: tuple[float, float, float] = BROWN


def painted(
    width: int, height: int, discs: list[Disc], *, seed: int = 0, blur: float = 0.0
) -> Pixels:
    """Skin with soft discs, (height, width, 3); the same seed gives the same skin."""
    rng = np.random.default_rng(seed)
    grain = cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), 2.0) * 6
    logs = np.log(np.array(SKIN) + grain[..., np.newaxis])
    x, y = np.arange(width) + 0.5, np.arange(height)[:, np.newaxis] + 0.5
    for disc in discs:
        away = disc.diameter / 2 - np.hypot(x - disc.x, y - disc.y)
        soft = max(0.7, disc.diameter / 25)
        inside = 1 / (1 + np.exp(-np.clip(away / soft, -30, 30)))
        logs -= (inside * disc.depth)[..., np.newaxis] * np.array(disc.colour)
    light = np.exp(logs)
    if blur:
        light = cv2.GaussianBlur(light, (0, 0), blur)
    pixels: Pixels = np.clip(np.rint(light), 0, 255).astype(np.uint8)
    return pixels


@dataclass(frozen=True)
class Shifted:
    """The map between photos of one view, of which the target is shifted by (x, y) pixels."""

    x: float = 0.0
    y: float = 0.0
    std: float = 0.5

    def points(self, points: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(points + np.array([self.x, self.y]))

    def jacobians(self, points: NDArray[Any]) -> NDArray[Any]:
        return np.broadcast_to(np.eye(2), (len(points), 2, 2)).copy()

    def std_px(self, points: NDArray[Any]) -> NDArray[Any]:
        return np.full(len(points), self.std)
