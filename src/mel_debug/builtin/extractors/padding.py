"""Padding images to whole steps of a model."""

import numpy as np

from mel_debug.core.types import Pixels


def padded(images: Pixels, step: int) -> Pixels:
    """Images whose sides are multiples of `step`: the last row and column are repeated."""
    height, width = images.shape[1:3]
    if height % step == 0 and width % step == 0:
        return images
    margin = ((0, 0), (0, -height % step), (0, -width % step), (0, 0))
    return np.pad(images, margin, mode="edge")
