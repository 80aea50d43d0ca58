"""The rotary position embedding of DINOv3, without torch."""

import numpy as np

from mel_debug.core.types import Vectors


def rotary_table(rows: int, columns: int, dimensions: int, temperature: float) -> Vectors:
    """Sines and cosines for each patch of a grid, (rows * columns, 2 * dimensions) float32.

    `dimensions` is the length of one attention head's vectors. The first quarter rotates with the
    row and the second with the column; the second half repeats the first. Positions of patch
    centres run from -1 to 1 along each axis (Simeoni et al. 2025, arXiv 2508.10104;
    `RotaryEmbeddingDinoV3` of timm).
    """
    quarter = dimensions // 4
    periods = float(temperature) ** (2 * np.arange(quarter) / (dimensions // 2))
    down, across = (2 * (np.arange(n) + 0.5) / n - 1 for n in (rows, columns))
    angles = np.empty((rows, columns, 2, quarter))
    angles[:, :, 0] = 2 * np.pi * down[:, np.newaxis, np.newaxis] / periods
    angles[:, :, 1] = 2 * np.pi * across[:, np.newaxis] / periods
    repeated = np.tile(angles.reshape(rows * columns, 2 * quarter), 2)
    table: Vectors = np.concatenate([np.sin(repeated), np.cos(repeated)], axis=1).astype(np.float32)
    return table
