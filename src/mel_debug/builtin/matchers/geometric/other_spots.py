"""Whether the spot found for a mole is another spot of the source.

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


def is_another(
    blobs: tuple[Array, Array], mole: Array, sigma_px: float, seen: Array, longest: int
) -> bool:
    """Whether the spot found at `seen` is another one than the mole.

    `blobs` are the places (n, 2) of the source's dark blobs and their contrasts (n,). `mole` is
    (2,), `sigma_px` its size, and `seen`, (2,), is where the spot found is expected to be in the
    source. All are in pixels of the source, of which `longest` is the longer side.
    """
    places, contrasts = blobs
    away = float(np.hypot(*(seen - mole)))
    if away < LEAST_LEAP * longest or not len(places):
        return False
    from_mole = np.hypot(*(places - mole).T)
    own = float(contrasts[from_mole < 2 * sigma_px].max(initial=0.0))
    others = (from_mole > APART * sigma_px) & (contrasts >= LEAST_CONTRAST * own)
    nearest = float(np.hypot(*(places[others] - seen).T).min(initial=np.inf))
    return nearest < min(WITHIN * longest, away / CLOSER)
