"""Levels of change of a warped photo, and random changes of a level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mel_debug.core.geometry import Point, Size

from .alterations import Relight
from .scene import Optics, check
from .warps import Warp, Wave, homography

LevelName = Literal["mild", "medium", "strong"]

_WAVES = 3
_FULL = 12e6  # pixels of a photo for which blur is given


@dataclass(frozen=True, slots=True)
class Level:
    """How far a changed view may differ from the photo.

    ``rotation`` in degrees; ``scale`` its largest factor up and down; ``tilt`` and ``shift`` as
    shares (see `warps.homography`; of the longer side); ``bend`` the displacement's amplitude as a
    share of the longer side; ``exposure``, ``cast`` and ``gradient`` as changes of log light;
    ``striped`` the probability of stripes and ``stripes`` their darkness; ``blur`` in pixels of 12
    megapixels; ``noise`` as a share of full scale; ``quality`` of the JPEG.
    """

    rotation: float
    scale: tuple[float, float]
    tilt: float
    shift: float
    bend: float
    exposure: float
    cast: float
    gradient: float
    striped: float
    stripes: tuple[float, float]
    blur: float
    noise: float
    quality: tuple[int, int]


LEVELS: dict[LevelName, Level] = {
    "mild": Level(
        rotation=6.0, scale=(0.9, 1.1), tilt=0.03, shift=0.02, bend=0.003,
        exposure=0.1, cast=0.02, gradient=0.1, striped=0.0, stripes=(0.0, 0.0),
        blur=0.5, noise=0.005, quality=(88, 95),
    ),
    "medium": Level(
        rotation=18.0, scale=(0.75, 1.3), tilt=0.1, shift=0.05, bend=0.01,
        exposure=0.25, cast=0.05, gradient=0.3, striped=0.4, stripes=(0.2, 0.45),
        blur=1.2, noise=0.01, quality=(78, 92),
    ),
    "strong": Level(
        rotation=40.0, scale=(0.5, 1.8), tilt=0.2, shift=0.08, bend=0.02,
        exposure=0.45, cast=0.1, gradient=0.6, striped=0.8, stripes=(0.35, 0.75),
        blur=3.5, noise=0.025, quality=(60, 85),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class WarpOptions:
    """How photos are changed.

    ``rotation`` (degrees clockwise) and ``scale`` (0.25 to 4) are drawn by ``level`` unless
    given. ``closeup`` shows 1/N of the area; ``mirrored`` shows the mirror image, in which
    every spot is absent. Photos are scaled down to ``megapixels``. Each has its marks and up to
    ``spots`` spots, and ``sessions - 1`` changed views, in which a share ``absent`` of the spots is
    painted out. Raises ValueError for values out of range.
    """

    level: LevelName = "medium"
    rotation: float | None = None
    scale: float | None = None
    closeup: float = 1.0
    mirrored: bool = False
    absent: float = 0.2
    sessions: int = 2
    spots: int = 30
    megapixels: float = 12.0
    seed: int = 7

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"level is {self.level!r}; it should be one of {', '.join(LEVELS)}")
        check("scale", 1.0 if self.scale is None else self.scale, 0.25, 4)
        check("closeup", self.closeup, 1, 64)
        check("absent", self.absent, 0, 1)
        check("megapixels", self.megapixels, 0.01, 100)
        for name, least in (("sessions", 1), ("spots", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; it should be {least} or more")


@dataclass(frozen=True, slots=True)
class Change:
    """One changed view of a photo: where its points go, its light and its camera."""

    warp: Warp
    light: Relight
    optics: Optics


def draw_change(
    rng: np.random.Generator,
    size: Size,
    spots: list[Point],
    options: WarpOptions,
    *,
    detail: float = 1.0,
) -> Change:
    """Draw a change of a photo of ``size`` with spots at some points.

    A close-up has up to ``detail`` times the resolution of the photo, which is how much finer the
    original is. Points of the photo are the warp's source.
    """
    level = LEVELS[options.level]
    turn = float(rng.uniform(-1, 1)) * level.rotation
    zoom = float(np.exp(rng.uniform(*np.log(level.scale))))
    tilted = float(rng.uniform(0.4, 1.0)) * level.tilt
    toward = float(rng.uniform(0, 2 * math.pi))
    shift = rng.uniform(-1, 1, 2) * level.shift * size.longest
    rotation = turn if options.rotation is None else options.rotation
    scale = zoom if options.scale is None else options.scale
    # A close-up is as large as the original's resolution allows, at most as large as the photo.
    finer = min(math.sqrt(options.closeup), max(detail, 1.0))
    frame = finer / math.sqrt(options.closeup)
    target = Size(max(1, round(size.width * frame)), max(1, round(size.height * frame)))
    aim = _aim(rng, size, spots, (rotation, scale), options.closeup)
    plane = homography(
        aim=aim,
        place=(target.width / 2 + shift[0] * frame, target.height / 2 + shift[1] * frame),
        rotation=rotation,
        scale=scale * finer,
        tilt=(tilted * math.cos(toward), tilted * math.sin(toward)),
        # The smaller a body is in the frame, the farther away it is, with less perspective.
        reach=size.longest / 2 / min(1.0, scale),
        mirrored=options.mirrored,
    )
    waves = tuple(_wave(rng, level.bend, size.longest) for _ in range(_WAVES))
    light = _light(rng, level)
    return Change(Warp(size, target, plane, waves), light, _optics(rng, level, target))


def _aim(
    rng: np.random.Generator,
    size: Size,
    spots: list[Point],
    turn_and_scale: tuple[float, float],
    closeup: float,
) -> tuple[float, float]:
    """Return the point to show in the middle, such that most spots stay in view.

    That is the photo's centre, or where the spots are if the view is enlarged or lies across. A
    close-up is aimed at a spot with many others around it.
    """
    rotation, scale = turn_and_scale
    centre = np.array([size.width / 2, size.height / 2])
    if not spots:
        return float(centre[0]), float(centre[1])
    places = np.array([(spot.x, spot.y) for spot in spots])
    if closeup > 1.0:
        half = centre / math.sqrt(closeup) / max(scale, 1.0)
        near = np.abs(places[:, np.newaxis] - places) < half
        counts = near.all(axis=2).sum(axis=1)
        aim = places[rng.choice(np.flatnonzero(2 * counts >= counts.max()))]
    else:
        share = max(1 - 1 / max(1.0, scale), abs(math.sin(math.radians(rotation))))
        aim = centre + (places.mean(axis=0) - centre) * share
    return float(aim[0]), float(aim[1])


def _wave(rng: np.random.Generator, bend: float, longest: int) -> Wave:
    """Draw one wave: 0.4 to 1.2 periods along the longer side."""
    angle, direction = rng.uniform(0, 2 * math.pi, 2)
    high = bend * longest * float(rng.uniform(0.5, 1.0)) / math.sqrt(_WAVES)
    turns = 2 * math.pi * float(rng.uniform(0.4, 1.2)) / longest
    return Wave(
        (high * math.cos(angle), high * math.sin(angle)),
        (turns * math.cos(direction), turns * math.sin(direction)),
        float(rng.uniform(0, 2 * math.pi)),
    )


def _light(rng: np.random.Generator, level: Level) -> Relight:
    red, green, blue = np.exp(rng.uniform(-1, 1, 3) * level.cast)
    angle, strength = rng.uniform(0, 2 * math.pi), rng.uniform(0.3, 1.0) * level.gradient
    striped = rng.random() < level.striped
    depth = float(rng.uniform(*level.stripes))
    return Relight(
        exposure=float(np.exp(rng.uniform(-1, 1) * level.exposure)),
        tint=(float(red), float(green), float(blue)),
        gradient=(float(strength * np.cos(angle)), float(strength * np.sin(angle))),
        stripes=depth if striped else 0.0,
        stripe_width=float(rng.uniform(0.06, 0.3)),
        stripe_angle=float(rng.uniform(0, 180)),
        stripe_phase=float(rng.uniform(0, 2 * math.pi)),
    )


def _optics(rng: np.random.Generator, level: Level, size: Size) -> Optics:
    return Optics(
        blur=float(rng.uniform(0.0, 1.0))
        * level.blur
        * math.sqrt(size.width * size.height / _FULL),
        noise=float(rng.uniform(0.3, 1.0)) * level.noise,
        jpeg_quality=int(rng.integers(level.quality[0], level.quality[1] + 1)),
        seed=int(rng.integers(2**31)),
    )
