"""Painted skin with moles of known size, and maps between photos that are known exactly."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mel_debug.core.types import Pixels
from mel_debug.files.marks import ABSENT, marks_path
from workbench import mark

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


PLACES = [
    Disc(70 + 105 * column + 17 * row, 60 + 95 * row, 13 + 3 * ((column + 2 * row) % 4), 0.5)
    for row in range(5)
    for column in range(6)
]
"""Moles of a painted skin of 760 x 600 pixels; the last two are below."""

GONE, NEW = 15, 22
"""The number of the mole that only the first day shows, and of the one that only later days do."""

STILL = 8
"""The number of a mole that every day shows."""

GROWN = 19
"""The number of a mole that is 1.3 times as large from the second day on."""

STAGES = ("--extractor", "xfeat", "--image-size", "640")
"""Smaller than usual, which saves half the time."""

CORNERS = {"2024_03_02": (0, 0), "2024_06_01": (14, 9), "2024_08_31": (6, 20)}
"""The top left corner of each day's photo, which is 40 pixels smaller than the skin."""


def painted_uuid(number: int) -> str:
    return f"{number + 1:032x}"


def painted_repository(folder: Path) -> dict[str, Path]:
    """A mel repository with one part on three days, each with all its moles marked, by day."""
    (folder / "melroot").touch()
    photos = {}
    for number, (day, (left, top)) in enumerate(CORNERS.items()):
        discs = {i: disc for i, disc in enumerate(PLACES) if i != (GONE if number else NEW)}
        if number:
            discs[GROWN] = replace(discs[GROWN], diameter=1.3 * discs[GROWN].diameter)
        skin = painted(760, 600, list(discs.values()), seed=5)
        photo = folder / "rotomaps" / "parts" / "Trunk" / "Back" / day / "0.png"
        photo.parent.mkdir(parents=True)
        Image.fromarray(skin[top : top + 560, left : left + 720]).save(photo)
        mark(
            photo,
            *(
                (painted_uuid(i), int(disc.x) - left, int(disc.y) - top)
                for i, disc in discs.items()
                if 0 <= disc.x - left < 720 and 0 <= disc.y - top < 560
            ),
        )
        photos[day] = photo
    return photos


def unmark(photo: Path, *numbers: int) -> None:
    """Remove all marks of a photo, or those of some moles."""
    path = Path(f"{photo}.json")
    gone = {painted_uuid(number) for number in numbers}
    entries = [e for e in json.loads(path.read_text()) if numbers and e["uuid"] not in gone]
    path.write_text(json.dumps(entries))


def painted_labels(folder: Path) -> dict[str, Path]:
    """A painted repository that also says which moles its first two days lack."""
    photos = painted_repository(folder)
    first, second, _ = CORNERS
    for day, number in ((first, NEW), (second, GONE)):
        (left, top), disc = CORNERS[day], PLACES[number]
        entry = {"uuid": painted_uuid(number), "x": int(disc.x) - left, "y": int(disc.y) - top}
        marks_path(photos[day], ABSENT).write_text(json.dumps([entry]))
    return photos


def white_spot(height: int, width: int, x: float, y: float) -> np.ndarray:
    """Return a black picture with a white Gaussian spot at (x, y)."""
    down, across = np.mgrid[:height, :width] + 0.5
    spot = 255 * np.exp(-((across - x) ** 2 + (down - y) ** 2) / 18)
    picture = np.empty((height, width, 3), dtype=np.uint8)
    picture[:] = spot.round()[..., np.newaxis]
    return picture
