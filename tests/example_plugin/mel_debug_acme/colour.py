"""An extractor: how bright the red, green and blue of a patch are, and how much they vary."""

from dataclasses import dataclass

import numpy as np

from mel_debug.core.types import Colour, Pixels, Vectors


@dataclass(frozen=True)
class Colours:
    """Six numbers a patch: the means and the standard deviations of its channels, from 0 to 1."""

    patch: int
    gamma: float

    @property
    def mean_colour(self) -> Colour:
        """What masked pixels are painted with: no skin is this grey."""
        return 128, 128, 128

    def extract(self, images: Pixels) -> Vectors:
        """(count, height, width, 3) uint8 to (count, rows, columns, 6) float32.

        The sides divide by `patch`: scaling, masks and caching were done before.
        """
        count, height, width = images.shape[:3]
        rows, columns = height // self.patch, width // self.patch
        bright = (images / np.float32(255)) ** np.float32(self.gamma)
        patches = bright.reshape(count, rows, self.patch, columns, self.patch, 3)
        return np.concatenate([patches.mean(axis=(2, 4)), patches.std(axis=(2, 4))], axis=-1)
