"""Even skin with dark spots at known places, and places that are apart from each other."""

import numpy as np

from mel_debug.core.types import Photo


def spotted(spots: np.ndarray, side: int, sigma: float) -> Photo:
    """Return a square photo of even skin with dark spots at (n, 2) pixels."""
    down, across = np.mgrid[:side, :side] + 0.5
    dark = np.zeros((side, side))
    for x, y in spots:
        dark += 0.4 * np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * sigma**2))
    pixels = np.array([200, 160, 140]) * np.exp(-dark)[..., np.newaxis]
    return Photo.of(pixels.astype(np.uint8))


def apart(count: int, low: float, high: float, least: float, seed: int) -> np.ndarray:
    """Return (count, 2) places from `low` to `high`, more than `least` from each other."""
    found: list[np.ndarray] = []
    generator = np.random.default_rng(seed)
    while len(found) < count:
        one = generator.uniform(low, high, 2)
        if all(np.hypot(*(one - other)) > least for other in found):
            found.append(one)
    return np.array(found)
