"""Clothes on the body and the room behind it, on the coarse lattice of the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .colour import srgb_to_linear
from .scene import Shot

Array = NDArray[np.float64]

_FABRICS = (  # sRGB of plain cloth, 0..255
    (236, 234, 229), (28, 29, 33), (150, 22, 26), (44, 58, 92), (122, 128, 132),
    (196, 176, 150), (70, 96, 84), (214, 160, 170), (92, 64, 50), (176, 190, 206),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clothes:
    """Clothes: straps (offset, slope, half width) and edges along v, in millimetres."""

    colour: tuple[float, float, float]
    straps: tuple[tuple[float, float, float], ...]
    waist: float
    neck: float
    opening: float
    wave: float


def clothes_of(shot: Shot) -> Clothes | None:
    """Return the clothes of a shot, placed so that most of the skin in view stays bare."""
    if shot.clothes is None:
        return None
    rng = np.random.default_rng([shot.clothes, 41])
    reach = 0.5 * min(shot.width, shot.height) / shot.pixels_per_mm
    reach = min(reach, 1.2 * shot.form.half_width)
    limb = shot.form.half_width < 100.0
    # Straps cross a back; on a limb only hems make sense.
    kind = 1 if limb else rng.integers(0, 4)
    red, green, blue = srgb_to_linear(np.array(_FABRICS[rng.integers(len(_FABRICS))]) / 255.0)
    straps: list[tuple[float, float, float]] = []
    if kind in (0, 3):
        thin = float(rng.uniform(0.025, 0.05)) * reach
        lean = float(rng.uniform(0.15, 0.9))
        middle = float(rng.uniform(-0.3, 0.3)) * reach
        straps = [(middle, lean, thin), (middle + 0.1 * reach, -lean * rng.uniform(0.6, 1.4), thin)]
    return Clothes(
        colour=(float(red), float(green), float(blue)),
        straps=tuple(straps),
        waist=float(rng.uniform(0.85, 1.15)) * reach if kind in (0, 1) else 1e4,
        neck=float(rng.uniform(-1.2, -0.9)) * reach if kind in (1, 2) else -1e4,
        opening=float(rng.uniform(0.9, 1.1)) * reach if kind == 2 else 1e4,
        wave=float(rng.uniform(0.0, 0.06)) * reach,
    )


def inside_clothes(shot: Shot, clothes: Clothes, u: Array, v: Array) -> Array:
    """Return the distance in millimetres from the edge of cloth; negative on bare skin."""
    x, y = u - shot.aim_u, v - shot.aim_v
    bend = clothes.wave * np.sin(x / 37.0 + clothes.waist)
    depth = np.maximum(y - clothes.waist - bend + 2e-4 * x * x, clothes.neck - y - 8e-4 * x * x)
    corner = np.maximum(
        np.abs(x + 0.5 * bend + 0.8 * clothes.wave * np.sin(y / 53.0))
        - clothes.opening * (1.0 + 0.10 * y / clothes.opening),
        depth,
    )
    depth = np.maximum(depth, corner)
    for offset, slope, half in clothes.straps:
        away = np.abs(x - offset - slope * y - 0.0006 * y * y) / np.hypot(1.0, slope)
        depth = np.maximum(depth, half - away)
    return depth


def cloth_light(shot: Shot, u: Array, v: Array) -> Array:
    """Return the shading of folds, a factor near 1."""
    rng = np.random.default_rng([shot.clothes or 0, 42])
    total = np.zeros_like(u)
    lean = rng.uniform(-0.5, 0.5)
    for _ in range(5):
        angle, wave = lean + rng.normal(0.0, 0.18), rng.uniform(25.0, 140.0)
        along = np.cos(angle) * u + np.sin(angle) * v
        across = np.cos(angle) * v - np.sin(angle) * u
        drift = 2.2 * np.sin(across / rng.uniform(60.0, 150.0) + rng.uniform(0, 7))
        fold = np.sin(along * 2 * np.pi / wave + drift)
        fades = 0.5 + 0.5 * np.sin(across / rng.uniform(40.0, 110.0) + rng.uniform(0, 7))
        total += (np.exp(1.5 * fold) / 2.2 - 0.75) * fades * rng.uniform(0.02, 0.07)
    folds: Array = 1.0 + total
    return folds


def room(shot: Shot, x: Array, y: Array) -> Array:
    """Return the linear light (3, ...) of the background, a room out of focus."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng([shot.room, 43])
    turn = np.radians(-shot.roll)
    across, down = x - shot.width / 2, y - shot.height / 2
    size = np.hypot(shot.width, shot.height) / 2
    p = (np.cos(turn) * across - np.sin(turn) * down) / size
    q = (np.sin(turn) * across + np.cos(turn) * down) / size
    level = rng.choice([0.75, 0.55, 0.35, 0.12])
    warm = rng.uniform(-0.05, 0.10)
    colour = level * np.array([1.0 + warm, 1.0, 1.0 - warm])
    light = np.ones((3, *x.shape)) * colour[:, None, None]
    light *= 1.0 + rng.uniform(-0.25, 0.25) * p + rng.uniform(-0.25, 0.25) * q
    if rng.random() < 0.35:
        light *= 1.0 - 0.16 * (np.sin(q * rng.uniform(30, 60)) > 0.2)
    for _ in range(int(rng.integers(2, 6))):
        left, top = rng.uniform(-1.2, 0.9, 2)
        wide, tall = rng.uniform(0.1, 0.7, 2)
        shade = rng.uniform(0.25, 1.25) * (1.0 + rng.uniform(-0.25, 0.25, 3))
        box = (p > left) & (p < left + wide) & (q > top) & (q < top + tall)
        light = np.where(box, light * shade[:, None, None], light)
    soft = 0.012 * size / max(abs(float(x[0, 1] - x[0, 0])), 1e-6)
    light = np.stack([gaussian_filter(plane, soft) for plane in light])
    tint = np.array(shot.light.tint)[:, None, None]
    bright: Array = np.minimum(light * shot.light.exposure * tint, 1.2)
    return bright
