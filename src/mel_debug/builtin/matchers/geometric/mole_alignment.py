"""Alignment of the mole itself, in windows of its own size and in spite of what covers a part.

`pixel_alignment` weighs all pixels around a mole alike. A strap or the edge of a shadow that lies
beside the mole in one photo only moves it, and a mole of 100 px is not seen as a whole. Here,
pixels that fit nothing lose their weight, and how well the others fit is evidence for the mole.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.builtin.matchers.geometric.mole_windows import SAMPLES, SpotSkin
from mel_debug.builtin.matchers.geometric.pixel_alignment import correlation_of, translated

RADIUS = 1.2
"""Radius of the Gaussian weights in sigmas of the mole: a disc ends at 1.4."""

CORE = 2.5
"""Radius in sigmas of the mole with its edge, which is searched for where it is not at the place
given."""

REACH = 2.5
"""Sigmas within which it is searched."""

MOST_SHIFT = 3.0
"""Sigmas; what aligns farther away is another spot."""

OUTLIER = 2.0
"""Residual, in standard deviations, that quarters the weight of a pixel."""

NOISE = 1e-3
"""Least standard deviation of residuals in log intensity, that of even pixels."""

LEAST_GAIN = 0.2
"""Least contrast of the mole as a share of that in the source; below, nothing was aligned."""

GOOD_CORRELATION = 0.9
"""Correlation from which a mole is aligned. On hard generated pairs and on warps of photos 95 % of
the moles that are there reach it, and 6 % of what is found in place of those that are gone."""

BETTER = 0.1
"""How much higher the correlation must be elsewhere for the mole to be moved there."""

ITERATIONS = 15
"""Upper limit of the iterations; few need more."""

_HALF = int(SAMPLES * RADIUS * 2.5)
_STEPS = np.arange(-_HALF, _HALF + 1)
_WEIGHTS = np.exp(-(_STEPS[:, np.newaxis] ** 2 + _STEPS**2) / (4 * (SAMPLES * RADIUS) ** 2))
_INNER = _WEIGHTS.ravel() > 0.3

_AWAY = np.arange(-int(SAMPLES * CORE), int(SAMPLES * CORE) + 1)
_CORE = (np.hypot(_AWAY[:, np.newaxis], _AWAY) <= SAMPLES * CORE).astype(np.float32)
_REACH = int(SAMPLES * REACH)
_WIDE = _HALF + _REACH + 2


@dataclass(frozen=True, slots=True, eq=False)
class AlignedMole:
    """A mole aligned in the target.

    `place` is (2,) pixels of the target. `correlation`, from 0 to 1, is that of the mole in the two
    photos, without the pixels that fit nothing; 0 if there is nothing like it.
    """

    place: Array
    correlation: float


def align_mole(
    mole: SpotSkin, there: SpotSkin, is_likely: Callable[[Array], bool] = lambda _: True
) -> AlignedMole:
    """Align a mole of the source with the target around the place of `there`.

    Places that are not `is_likely` are not considered, and that of `there` is returned with a
    correlation below `GOOD_CORRELATION`.
    """
    here, wide = mole.window(_WIDE), there.window(_WIDE)
    place, correlation = there.place, -np.inf
    for start in _starts(here, wide):
        shift, found = _aligned(here, wide, start)
        moved = there.place + there.step @ shift
        if found > correlation + BETTER and is_likely(moved):
            place, correlation = moved, found
        if correlation >= GOOD_CORRELATION:
            return AlignedMole(place, correlation)
    return AlignedMole(there.place, max(correlation, 0.0))


def _starts(here: Array, wide: Array) -> Iterator[Array]:
    """Yield shifts (x, y) in samples to begin with: none, then that to the best correlation.

    Both are windows of `_WIDE` samples to each side.
    """
    yield np.zeros(2, dtype=int)
    edge = _WIDE - len(_AWAY) // 2
    around = edge - _REACH
    own = here[edge:-edge, edge:-edge].astype(np.float32)
    searched = wide[around:-around, around:-around].astype(np.float32)
    scores = cv2.matchTemplate(searched, own, cv2.TM_CCOEFF_NORMED, mask=_CORE)
    best = np.nan_to_num(scores, nan=-1, posinf=-1, neginf=-1).argmax()
    down, across = divmod(int(best), scores.shape[1])
    yield np.array([across, down]) - _REACH


def _aligned(here: Array, wide: Array, start: Array) -> tuple[Array, float]:
    """Return the shift in samples and the correlation; 0 if they don't align near `start`.

    That of `pixel_alignment.estimate_shift` with weights for each pixel, chosen anew in each
    iteration as in Geman and McClure (1987).
    """
    first = _part(here, np.zeros(2, dtype=int))
    second = _part(wide, start)
    down, across = np.gradient(first)
    columns = np.stack([across, down, first, np.ones_like(first)]).reshape(4, -1)
    squares, weights = (_WEIGHTS**2).ravel(), np.ones(_WEIGHTS.size)
    shift, gain = np.zeros(2), 0.0
    for _ in range(ITERATIONS):
        weighted = columns * (squares * weights)
        normal = weighted @ columns.T
        shown = translated(second, shift).ravel()
        change = np.linalg.lstsq(normal, weighted @ shown, rcond=None)[0]
        gain = float(change[2])
        if gain < LEAST_GAIN / 2:
            break
        residuals = shown - change @ columns
        spread = 1.4826 * float(np.median(np.abs(residuals[_INNER]))) + NOISE
        weights = 1 / (1 + (residuals / (OUTLIER * spread)) ** 2) ** 2
        step = change[:2] / gain
        step /= max(1.0, float(np.hypot(*step)) / 2)
        shift = shift - step
        if np.hypot(*step) < 0.02:
            break
    moved = shift + start
    if gain < LEAST_GAIN or np.hypot(*moved) > MOST_SHIFT * SAMPLES:
        return np.zeros(2), 0.0
    kept = squares * weights
    return moved, correlation_of(first, translated(second, shift), kept.reshape(first.shape))


def _part(window: Array, shift: Array) -> Array:
    """Return the `_HALF` samples to each side of a shift from the centre of a wide window."""
    column, row = len(window) // 2 + shift
    part: Array = window[row - _HALF : row + _HALF + 1, column - _HALF : column + _HALF + 1]
    return part
