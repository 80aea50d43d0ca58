"""Whether the spot that was found is darker than the skin on all its sides, as no edge is.

Beside a strap or at the edge of a shadow the skin is darker than on one side only. An edge that is
near the mole in one photo and near the place found in the other is alike in both, and so confirms
the place whether the mole is there or not.
"""

import cv2
import numpy as np

from mel_debug.builtin.matchers.geometric.mole_windows import SAMPLES, SpotSkin

NEAR_MOLE, NEAR_FOUND = 3, 5
"""Samples around the mark and the place found within which the middle of the spot may be: 0.75 and
1.25 sigmas."""

SMOOTH = 0.6 * SAMPLES
"""Samples; sigma by which darkness is smoothed. A mole of the labelled pair that a strap touches
has 0.9 of its roundness with this, and half of it with the whole sigma of the mole; the edges of
two straps have 0.1."""

FLOOR = 0.004
"""Curvature of the darkness of even skin over the length of `SMOOTH`. That of 95 % of the moles of
hard generated people is above 0.017."""

_EDGE = int(4 * SMOOTH)
"""Samples to each side that the filter depends on."""


def roundness_of(mole: SpotSkin, found: SpotSkin) -> float:
    """Return the roundness at the place found as a share of that of the mole, from 0 to 1.

    Roundness is the curvature of smoothed darkness in the direction in which it curves least: the
    smaller eigenvalue of minus its Hessian. It is 0 along an edge.
    """
    own, other = _roundest(mole, NEAR_MOLE), _roundest(found, NEAR_FOUND)
    return min(1.0, (other + FLOOR) / (own + FLOOR))


def _roundest(skin: SpotSkin, near: int) -> float:
    """Return the largest roundness within `near` samples of a place, at least 0."""
    dark = cv2.GaussianBlur(skin.window(near + _EDGE), (0, 0), SMOOTH)
    down, across = np.gradient(dark)
    yy, xy = np.gradient(down)
    xx = np.gradient(across, axis=1)
    least = -(xx + yy) / 2 - np.hypot((xx - yy) / 2, xy)
    inner = least[_EDGE:-_EDGE, _EDGE:-_EDGE]
    return max(0.0, float(inner.max()) * SMOOTH**2)
