"""Dark blobs of a photo with their sizes, from freckles in an overview to moles in a close-up."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.matchers.geometric.arrays import Array, Flags
from mel_debug.builtin.matchers.geometric.keys import key_of
from mel_debug.builtin.matchers.geometric.variants import Variants
from mel_debug.core.laplacian import GREEN, darkness, is_round, laplacian
from mel_debug.core.scaling import fitted, valid_cells
from mel_debug.core.types import FeatureMap, Photo

Numbers = NDArray[np.intp]

SIDE = 1000
"""Pixels of the longer side at which blobs are detected."""

SIGMAS = tuple(0.8 * 1.35**step for step in range(11))
"""Pixels of that size: sigmas of the Gaussians that fit blobs best, so that a mole is found in an
overview and in a close-up of a quarter of its side."""

MOST_BLOBS = 400
"""Blobs of a photo, those with the highest contrast."""

LEAST_CONTRAST = 0.01
"""Least response of the Laplacian, about half the contrast in log intensity: above the rounding of
grey levels."""

EDGE = 9
"""Pixels; blobs this close to the edge of the mask are not used, as the edge changes them."""


@dataclass(frozen=True, slots=True, eq=False)
class Blobs:
    """Blobs of a photo, those with the highest contrast first.

    `places` is (n, 2), `sizes` (n,) the logarithms of their sigmas, and `extent` (2,) the sides (x,
    y) of the photo, all as shares of its longer side.
    """

    places: Array
    sizes: Array
    extent: Array

    def __len__(self) -> int:
        return len(self.places)

    def first(self, count: int) -> "Blobs":
        """Return the blobs with the highest contrast."""
        return Blobs(self.places[:count], self.sizes[:count], self.extent)

    def some(self, numbers: Numbers) -> "Blobs":
        """Return the blobs with these numbers."""
        return Blobs(self.places[numbers], self.sizes[numbers], self.extent)

    def in_view(self, places: Array) -> Flags:
        """Return (n,): which places lie within the photo."""
        inside: Flags = np.all((places > 0) & (places < self.extent), axis=1)
        return inside

    @classmethod
    def of(cls, features: FeatureMap, variants: Variants) -> "Blobs":
        """The blobs of a photo, from `variants` if they are stored there."""
        found = variants.arrays(
            key_of("blobs 2", features.key),
            lambda: {"blobs": blobs(features.photo)},
            lambda arrays: arrays["blobs"].ndim == 2 and arrays["blobs"].shape[1] == 3,
        )
        rows = found["blobs"].astype(np.float64)
        size = features.photo.size
        extent = np.array([size.width, size.height]) / size.longest
        return cls(rows[:, :2], rows[:, 2], extent)


def blobs(photo: Photo) -> Array:
    """Return (n, 3): x, y and log sigma of dark blobs on skin, in shares of the longer side.

    Those with the highest contrast come first.
    """
    size = fitted(photo.size, min(SIDE, photo.size.longest))
    dark = darkness(photo.scaled(size)[..., GREEN])
    valid = np.ones(dark.shape, dtype=bool)
    if photo.mask is not None:
        valid = valid_cells(photo.mask, size.height, size.width)
    if not valid.any():
        return np.empty((0, 3))
    stack = np.stack(
        [laplacian(np.where(valid, dark, np.median(dark[valid])), sigma) for sigma in SIGMAS]
    )
    best = stack.max(axis=0)
    # Beyond the photo there is no skin either.
    framed = np.pad(valid, 1).astype(np.uint8)
    inside = cv2.erode(framed, np.ones((2 * EDGE + 1,) * 2, np.uint8))[1:-1, 1:-1] > 0
    peaks = best == cv2.dilate(best, np.ones((5, 5), np.uint8))
    at = np.argwhere(inside & peaks & (best > LEAST_CONTRAST))
    level = stack[:, at[:, 0], at[:, 1]].argmax(axis=0)
    at, level = (each[is_round(stack, level, at)] for each in (at, level))
    strongest = np.argsort(-best[tuple(at.T)], kind="stable")[:MOST_BLOBS]
    at, level = at[strongest], level[strongest]
    sigmas = np.array(SIGMAS)[level] / size.longest
    return np.column_stack([(at[:, ::-1] + 0.5) / size.longest, np.log(sigmas)])


def pairs_of(rows: Numbers, columns: Numbers) -> set[tuple[int, int]]:
    """Return the numbers of blobs of two photos that match as a set."""
    return set(zip(rows.tolist(), columns.tolist(), strict=True))
