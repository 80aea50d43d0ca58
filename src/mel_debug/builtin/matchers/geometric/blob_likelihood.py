"""How much more probable the blobs of two photos are if a map is right than by chance.

Each blob of the photo from farther away either is a blob of the closer one, near where the map
leads and of the size that its scale predicts, or is not seen there; by chance, blobs are anywhere.
"""

from dataclasses import dataclass

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.builtin.matchers.geometric.sized_blobs import Blobs, Numbers

SIZE_STD = 0.3
"""Standard deviation of the difference between the log of a blob's change of size and that of the
scale: a step of the sizes at which blobs are detected."""

AROUND, AROUND_SHARE = 0.12, 0.5
"""Radius, a share of the longer side, within which the density of blobs is measured, and how much
it counts beside that of the whole photo, as blobs lie in groups, and none on what is masked. With
the density of the whole photo alone, a wrong map of the labelled pair had an evidence of 22, one
that is right in part 35; with both -46 and 7."""

MISSING, MISSING_ROUNDS = (0.2, 0.97), 8
"""Limits of the share of the farther photo's blobs that the closer one does not show, and rounds of
expectation maximisation in which it is estimated. With half of them assumed missing, right maps of
photos whose clothes and shadows have many blobs were as improbable as wrong ones."""

LEAST_SEEN = 4
"""Blobs in view below which nothing is said."""


@dataclass(frozen=True, slots=True, eq=False)
class BlobMatches:
    """What the blobs say of a map.

    `likelihood` is the natural logarithm of how many times more probable the blobs are than by
    chance. `far` and `close`, (k,), are the numbers of the blobs of the farther photo that are in
    view of the closer one and of those they may be, and `weights`, (k,), the probabilities of it.
    """

    likelihood: float
    far: Numbers
    close: Numbers
    weights: Array

    @classmethod
    def nothing(cls) -> "BlobMatches":
        """Of photos that share too little."""
        none = np.empty(0, dtype=np.intp)
        return cls(0.0, none, none, np.empty(0))

    def pairs(self, least: float) -> tuple[Numbers, Numbers]:
        """Return the numbers of blobs of the farther and the closer photo that probably match."""
        sure = self.weights > least
        return self.far[sure], self.close[sure]


def match_blobs(
    far: Blobs, close: Blobs, mapped: Array, std: Array, log_scale: float, most: int
) -> BlobMatches:
    """Compare the first `most` blobs in view of the farther photo with those of the closer one.

    `mapped`, (n, 2), is where a map leads the blobs of the farther photo, and `std`, (n,), how sure
    that is, both as shares of the longer side of the closer photo. `log_scale` is the logarithm of
    the scale from one to the other. The share of blobs that are not seen again is the most probable
    one.
    """
    seen = np.flatnonzero(((mapped > 0) & (mapped < close.extent)).all(axis=1))[:most]
    if len(seen) < LEAST_SEEN or not len(close):
        return BlobMatches.nothing()
    off = (close.sizes - far.sizes[seen, np.newaxis] - log_scale) / SIZE_STD
    alike = np.exp(-(off**2) / 2)
    across, down = mapped[seen].T[:, :, np.newaxis] - close.places.T[:, np.newaxis]
    squared = across**2 + down**2
    variance = std[seen, np.newaxis] ** 2
    density = alike * np.exp(-squared / (2 * variance)) / (2 * np.pi * variance)
    choice = density.argmax(axis=1)
    chance = _chance(alike, squared, float(close.extent.prod()))
    ratio = density[np.arange(len(seen)), choice] / chance
    # One blob of the closer photo is at most one of the farther photo.
    best = np.zeros(len(close))
    np.maximum.at(best, choice, ratio)
    ratio = np.where(ratio >= best[choice], ratio, 0.0)
    missing, (least, most_missing) = 0.5, MISSING
    for _ in range(MISSING_ROUNDS):
        total = missing + (1 - missing) * ratio
        missing = min(max(float((missing / total).sum()) / len(seen), least), most_missing)
    total = missing + (1 - missing) * ratio
    return BlobMatches(float(np.log(total).sum()), seen, choice, (1 - missing) * ratio / total)


def _chance(alike: Array, squared: Array, area: float) -> Array:
    """Return the (n,) densities by chance of blobs of a size, where each blob is expected."""
    around = (alike * (squared < AROUND**2)).sum(axis=1) / (np.pi * AROUND**2)
    everywhere = np.maximum(alike.sum(axis=1), 0.5) / area
    chance: Array = AROUND_SHARE * around + (1 - AROUND_SHARE) * everywhere
    return chance
