"""The detector of dark blobs that all searches for spots share: a Laplacian of log darkness."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.images import Mask

Array = NDArray[np.float64]

GREY_FLOOR = 8.0
"""Added to grey levels before the logarithm, so that noise in deep shade has little contrast."""

GREEN = 1
"""The channel with the highest contrast of pigment."""

MOST_ELONGATED = 3.0
"""Largest ratio of a blob's principal curvatures; edges of shadows, hairs and straps exceed it."""


def darkness(green: NDArray[np.uint8]) -> Array:
    """Return minus the log of the green channel, both (H, W).

    Shade only adds a constant to a logarithm.
    """
    dark: Array = -np.log(green.astype(np.float64) + GREY_FLOOR)
    return dark


def laplacian(dark: Array, sigma: float) -> Array:
    """Minus the normalised Laplacian of Gaussian, (H, W): high at centres of dark blobs.

    See Lindeberg (1998). The image is reflected at its borders. Equal to
    `scipy.ndimage.gaussian_laplace` up to rounding, but importing that takes as long as a whole
    search with cached features.
    """
    import cv2

    smooth, second = _truncated(sigma)
    response: Array = sum(
        cv2.sepFilter2D(dark, cv2.CV_64F, along_x, along_y, borderType=cv2.BORDER_REFLECT)
        for along_x, along_y in ((smooth, second), (second, smooth))
    )
    return response


@cache
def _truncated(sigma: float) -> tuple[Array, Array]:
    """The kernels of a sigma to 4 sigma on each side."""
    radius = int(4 * sigma + 0.5)
    return kernels(np.arange(-radius, radius + 1), sigma)


def kernels(steps: NDArray[Any], sigma: float) -> tuple[Array, Array]:
    """A Gaussian, and minus its second derivative times sigma squared, at (..., n) steps.

    The Gaussian has a sum of 1 over the last axis.
    """
    smooth = np.exp(-(steps**2) / (2 * sigma**2))
    smooth /= smooth.sum(axis=-1, keepdims=True)
    return smooth, smooth * (1 - steps**2 / sigma**2)


def is_round(stack: NDArray[Any], level: NDArray[np.intp], at: NDArray[np.intp]) -> Mask:
    """Which peaks of a (levels, H, W) stack of responses are round, (n,), and no ridges.

    `level` is (n,), and `at` the (n, 2) rows and columns, none of them at the border.
    """
    around = {
        (down, across): stack[level, at[:, 0] + down, at[:, 1] + across]
        for down in (-1, 0, 1)
        for across in (-1, 0, 1)
    }
    xx = 2 * around[0, 0] - around[0, -1] - around[0, 1]
    yy = 2 * around[0, 0] - around[-1, 0] - around[1, 0]
    xy = (around[1, -1] + around[-1, 1] - around[1, 1] - around[-1, -1]) / 4
    mean, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    rounded: Mask = mean + half < MOST_ELONGATED * (mean - half)
    return rounded
