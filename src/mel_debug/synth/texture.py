"""Skin texture as seamless square tiles, each generated once from its seed.

A fine tile holds details visible from close up (lines, pores, down, small mottling), a wide one
those visible from afar. They differ in angle and period, so that their sum does not repeat.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

FINE_SIDE, FINE_MM = 1536, 103.0
WIDE_SIDE, WIDE_MM = 1024, 277.0


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """Planes (3, n + 1, n + 1): change of log albedo, slope of the relief along u, along v.

    The last row and column repeat the first, so a sampler may interpolate across the seam.
    """

    planes: Array
    millimetres: float
    angle: float


def _waves(side: int, millimetres: float) -> tuple[Array, Array]:
    per_mm = side / millimetres
    rows = (np.fft.fftfreq(side) * per_mm).astype(np.float32)[:, None]
    columns = (np.fft.rfftfreq(side) * per_mm).astype(np.float32)[None, :]
    return rows, columns


def _shaped(rng: np.random.Generator, gain: Array, side: int) -> Array:
    """Return noise of unit std with the given gain (side, side // 2 + 1) over frequency."""
    from scipy import fft

    # Drawn in the frequency domain: the spectrum of white noise is white noise.
    shape = (side, side // 2 + 1)
    spectrum = np.empty(shape, np.complex64)
    spectrum.real = rng.standard_normal(shape, dtype=np.float32)
    spectrum.imag = rng.standard_normal(shape, dtype=np.float32)
    noise: Array = fft.irfft2(spectrum * gain, s=(side, side), workers=2).astype(np.float32)
    noise -= noise.mean()
    noise /= noise.std()
    return noise


def band(
    side: int, millimetres: float, longest: float, shortest: float, power: float = 1.0
) -> Array:
    """Return a gain falling as frequency to the ``power`` between two wavelengths in millimetres.

    With power 1 every octave has the same contrast.
    """
    rows, columns = _waves(side, millimetres)
    radius: Array = np.hypot(rows, columns)
    radius[0, 0] = 1e-6
    gain: Array = np.power(radius, -power, dtype=np.float32)
    gain *= np.exp(-((radius * shortest) ** 2) / 2) * (1 - np.exp(-((radius * longest) ** 2)))
    gain[0, 0] = 0.0
    return gain


def _lines(rng: np.random.Generator, side: int, millimetres: float, angle: float) -> Array:
    """Return fine furrows in mostly one direction: ridges of noise stretched along ``angle``."""
    rows, columns = _waves(side, millimetres)
    along = np.cos(angle) * columns + np.sin(angle) * rows
    across = -np.sin(angle) * columns + np.cos(angle) * rows
    gain = np.exp(-((along / 0.45) ** 2)) * np.exp(-(((np.abs(across) - 0.8) / 0.42) ** 2))
    noise = _shaped(rng, gain.astype(np.float32), side)
    furrows: Array = np.exp(-((noise / 0.45) ** 2)).astype(np.float32)
    furrows -= furrows.mean()
    return furrows


def _dashes(rng: np.random.Generator, side: int, millimetres: float, per_mm2: float) -> Array:
    """Return follicles and down: short soft strokes in similar directions."""
    count = int(per_mm2 * millimetres**2)
    plane = np.zeros((side, side), np.float32)
    where = rng.random((2, count)) * side
    lean = 1.2 + 0.35 * rng.standard_normal(count)
    depth = rng.gamma(1.3, 0.8, count) * np.where(rng.random(count) < 0.25, -0.6, 1.0)
    reach = rng.uniform(0.05, 0.45, count) * side / millimetres
    for part in np.linspace(-0.5, 0.5, 7):
        column = (where[0] + part * reach * np.cos(lean)).astype(np.int64) % side
        row = (where[1] + part * reach * np.sin(lean)).astype(np.int64) % side
        np.add.at(plane, (row, column), depth.astype(np.float32))
    from scipy import fft

    rows, columns = _waves(side, millimetres)
    soft = np.exp(-((rows**2 + columns**2) * (2 * np.pi * 0.055) ** 2) / 2)
    smooth: Array = fft.irfft2(
        fft.rfft2(plane, workers=2) * soft, s=(side, side), workers=2
    ).astype(np.float32)
    smooth -= smooth.mean()
    smooth /= smooth.std()
    return smooth


def _slopes(height: Array) -> tuple[Array, Array]:
    along_u = 0.5 * (np.roll(height, -1, 1) - np.roll(height, 1, 1))
    along_v = 0.5 * (np.roll(height, -1, 0) - np.roll(height, 1, 0))
    scale = np.float32(1.0 / np.hypot(along_u.std(), along_v.std()))
    return along_u * scale, along_v * scale


@lru_cache(maxsize=2)
def _fine(seed: int) -> Array:
    rng = np.random.default_rng([seed, 71])
    side, mm = FINE_SIDE, FINE_MM
    first = rng.uniform(0, np.pi)
    furrows = _lines(rng, side, mm, first) + 0.8 * _lines(rng, side, mm, first + 1.15)
    mottle = _shaped(rng, band(side, mm, 12.0, 0.12), side)
    dashes = _dashes(rng, side, mm, rng.uniform(0.15, 0.5))
    albedo = 0.013 * mottle - 0.007 * furrows - 0.0085 * dashes
    # The mottling, shifted far from itself, also serves as relief shallower than the furrows.
    height = 0.25 * np.roll(mottle, (side // 2, side // 3), axis=(0, 1)) - 0.9 * furrows
    return np.stack([albedo, *_slopes(height.astype(np.float32))]).astype(np.float32)


@lru_cache(maxsize=2)
def _wide(seed: int) -> Array:
    rng = np.random.default_rng([seed, 72])
    mottle = _shaped(rng, band(WIDE_SIDE, WIDE_MM, 45.0, 1.0, 1.15), WIDE_SIDE)
    veins = _shaped(rng, band(WIDE_SIDE, WIDE_MM, 25.0, 2.0, 1.4), WIDE_SIDE)
    height = _shaped(rng, band(WIDE_SIDE, WIDE_MM, 30.0, 2.5, 2.0), WIDE_SIDE)
    return np.stack([0.013 * mottle + 0.004 * veins, *_slopes(height)]).astype(np.float32)


def _shrunk(planes: Array, side: int) -> Array:
    """Return planes at a coarser size by cutting the spectrum, exact for periodic textures."""
    from scipy import fft

    full = planes.shape[-1]
    if side < full:
        spectrum = fft.rfft2(planes, workers=2)
        half = side // 2
        kept = np.concatenate([spectrum[:, :half], spectrum[:, -half:]], axis=1)[:, :, : half + 1]
        rows = np.fft.fftfreq(side)[:, None] * 2
        columns = np.fft.rfftfreq(side)[None, :] * 2
        # A soft cut-off keeps thin lines from ringing.
        kept = kept * np.exp(-1.2 * (rows**2 + columns**2) ** 2)
        planes = fft.irfft2(kept, s=(side, side), workers=2) * (side / full) ** 2
    return np.pad(planes, ((0, 0), (0, 1), (0, 1)), mode="wrap").astype(np.float32)


@lru_cache(maxsize=4)
def skin_tiles(seed: int, level: int) -> tuple[Tile, Tile]:
    """Return the fine and the wide tile of a skin, reduced by ``level`` half octaves."""
    fine = max(64, 2 * int(FINE_SIDE * 2 ** (-level / 2) / 2))
    wide = min(WIDE_SIDE, max(64, 2 * int(fine * WIDE_MM / FINE_MM / 2)))
    rng = np.random.default_rng([seed, 70])
    angle = float(rng.uniform(0, 2 * np.pi))
    return (
        Tile(_shrunk(_fine(seed), fine), FINE_MM, angle),
        Tile(_shrunk(_wide(seed), wide), WIDE_MM, angle + 0.63),
    )


def level_for(pixels_per_mm: float) -> int:
    """Return the level whose fine tile has about the picture's resolution."""
    ratio = (FINE_SIDE / FINE_MM) / (1.25 * pixels_per_mm)
    return max(0, int(np.ceil(2 * np.log2(ratio)))) if ratio > 1 else 0
