"""Whether skin shows up where a mole is expected, without the mole.

A mole that has gone leaves the skin around it as it was: that skin matches, and its middle does
not. The search then finds a freckle nearby, whose middle matches, while the skin around does not.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, Flags
from mel_debug.builtin.matchers.geometric.mole_windows import SAMPLES, SpotSkin

CORE, RING = 3.0, (2.6, 6.0)
"""Radius of the mole with its edge, and radii of the skin around, in sigmas; a disc ends at 1.4."""

SLACK = 6
"""Samples by which the skin around is shifted to where it matches best: 1.5 sigmas."""

CHANCE = 0.3
"""Correlation that the best of so many shifts reaches on skin that is not the same."""

ALIGNED_SLACK = 1
"""The same around the place found, where grey values have been aligned."""

REACH = 8
"""Samples around the place found within which the mole may be: 2 sigmas, because a right place is
not always that of the middle."""

_HALF = int(SAMPLES * RING[1])
_DOWN, _ACROSS = np.mgrid[-_HALF : _HALF + 1, -_HALF : _HALF + 1]


def _between(inner: float, outer: float) -> Flags:
    """Return which samples of a window have a distance between these from its centre, in sigmas."""
    away = np.hypot(_DOWN, _ACROSS) / SAMPLES
    inside: Flags = (away >= inner) & (away < outer)
    return inside


_MIDDLE, _AROUND = _between(0.0, CORE), _between(*RING)

_TERMS = np.stack([np.ones(_AROUND.shape), _ACROSS, _DOWN], axis=-1)
"""The terms of a plane over a window."""


@dataclass(frozen=True, slots=True)
class Vacancy:
    """Whether a mole has gone.

    `vacancy`, from -1 to 1, is how far the skin speaks for that. 1: the skin around the place where
    the mole is expected matches, without the mole. -1: the skin around the place found matches,
    with the mole. About 0 where the skin is too even or has changed too much. `contrast`, from 0 to
    1, is the mole's contrast at the place found as a share of that in the source.
    """

    vacancy: float
    contrast: float


def vacancy_of(mole: SpotSkin, lead: SpotSkin, found: SpotSkin) -> Vacancy:
    """Compare the skin at a mole with that at two places of the target.

    These are `lead`, where the mole is expected, and `found`, where it was found.
    """
    here = _level(mole.window(_HALF), _AROUND)
    expected_skin, expected_mole = _likeness(here, lead, SLACK)
    skin, _ = _likeness(here, found, ALIGNED_SLACK)
    contrast = _contrast_near(here, found)
    beyond_chance = max(0.0, (expected_skin - CHANCE) / (1 - CHANCE))
    return Vacancy(beyond_chance * (1 - expected_mole) - skin * contrast, contrast)


def _likeness(here: Array, there: SpotSkin, slack: int) -> tuple[float, float]:
    """Return how alike the skin around and the mole itself are at a place, each from 0 to 1.

    That of the skin is the correlation at the best shift; that of the mole is the slope of a
    regression of the target's darkness on the source's, with a plane for the light.
    """
    wide = there.window(_HALF + slack)
    scores = cv2.matchTemplate(
        wide.astype(np.float32),
        here.astype(np.float32),
        cv2.TM_CCOEFF_NORMED,
        mask=_AROUND.astype(np.float32),
    )
    down, across = divmod(
        int(np.nan_to_num(scores, posinf=-1, neginf=-1).argmax()), scores.shape[1]
    )
    side = len(here)
    shown = _level(wide[down : down + side, across : across + side], _AROUND)
    own = _level(here, _MIDDLE)[_MIDDLE]
    contrast = float(own @ shown[_MIDDLE] / (own @ own + 1e-9))
    one, other = here[_AROUND], shown[_AROUND]
    skin = float((one * other).sum() / (np.sqrt((one**2).sum() * (other**2).sum()) + 1e-9))
    return float(np.clip(skin, 0, 1)), float(np.clip(contrast, 0, 1))


def _contrast_near(here: Array, there: SpotSkin) -> float:
    """Return the largest contrast of the mole within `REACH` of a place, from 0 to 1."""
    wide = there.window(int(SAMPLES * CORE) + REACH)
    edge = _HALF - int(SAMPLES * CORE)
    own = np.where(_MIDDLE, _level(here, _MIDDLE), 0.0)[edge:-edge, edge:-edge].astype(np.float32)
    slopes = cv2.matchTemplate(wide.astype(np.float32), own, cv2.TM_CCORR) / ((own**2).sum() + 1e-9)
    return float(np.clip(slopes.max(), 0, 1))


def _level(dark: Array, where: Flags) -> Array:
    """Return darkness less the plane that fits it best in a part of the window."""
    terms = _TERMS[where]
    factors = np.linalg.solve(terms.T @ terms, terms.T @ dark[where])
    level: Array = dark - _TERMS @ factors
    return level
