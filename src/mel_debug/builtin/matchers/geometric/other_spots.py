"""Whether the spot found for a mole is another spot of the source, and how much speaks for that.

A mole that has gone, or is hidden, may have a twin nearby, which is then found in its place. The
twin is in the source too, and is expected just where the spot was found.
"""

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array

APART = 2.5
"""Sigmas of the mole within which a blob of the source is the mole itself."""

LEAST_CONTRAST = 0.3
"""Contrast of another spot as a share of the mole's; fainter ones are not taken for it."""

WITHIN = 0.002
"""Share of the longer side; how close to another spot's expected place the spot found must be."""

LEAST_LEAP = 0.008
"""Share of the longer side by which the spot found is off the mole's own expected place, at least:
the error up to which a place is right. Of 904 moles found rightly on generated people and warps of
photos two are another spot by this, and none with the leap that `locating` requires; of 453 that
had gone 42 are, of which two of ten that had been accepted."""

CLOSER = 3.0
"""How many times closer to another spot's expected place than to the mole's."""

MOST_TWIN = 3.0
"""Largest logarithm of how many times closer a place is to one than to the other."""


def is_another(
    blobs: tuple[Array, Array], mole: Array, sigma_px: float, seen: Array, longest: int
) -> bool:
    """Whether the spot found at `seen` is another one than the mole.

    `blobs` are the places (n, 2) of the source's dark blobs and their contrasts (n,). `mole` is
    (2,), `sigma_px` its size, and `seen`, (2,), is where the spot found is expected to be in the
    source. All are in pixels of the source, of which `longest` is the longer side.
    """
    away = float(np.hypot(*(seen - mole)))
    if away < LEAST_LEAP * longest:
        return False
    return _nearest_other(blobs, mole, sigma_px, seen) < min(WITHIN * longest, away / CLOSER)


def twin_of(
    blobs: tuple[Array, Array], mole: Array, sigma_px: float, seen: Array, known: float
) -> float:
    """Return how far a place speaks for another spot instead of the mole, from -3 to 3.

    It is the logarithm of how many times closer the place is to where another spot is expected than
    to where the mole is, and about 0 where both are within `known`, how well such places are known.
    For the arguments see `is_another`; all are in pixels of the source.
    """
    away = float(np.hypot(*(seen - mole)))
    ratio = (away + known) / (_nearest_other(blobs, mole, sigma_px, seen) + known)
    return float(np.clip(np.log(max(ratio, 1e-9)), -MOST_TWIN, MOST_TWIN))


def _nearest_other(blobs: tuple[Array, Array], mole: Array, sigma_px: float, seen: Array) -> float:
    """Return the distance from a place to the nearest spot other than the mole; inf without one."""
    places, contrasts = blobs
    if not len(places):
        return float("inf")
    from_mole = np.hypot(*(places - mole).T)
    own = float(contrasts[from_mole < 2 * sigma_px].max(initial=0.0))
    others = (from_mole > APART * sigma_px) & (contrasts >= LEAST_CONTRAST * own)
    return float(np.hypot(*(places[others] - seen).T).min(initial=np.inf))
