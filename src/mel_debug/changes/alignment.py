"""The map with which crops of a mole are brought to the same size before they are measured."""

import numpy as np

from mel_debug.changes.crops import LocalMap
from mel_debug.core.geometry import Point
from mel_debug.core.stages import PhotoMap


def measuring_map(local: LocalMap, warp: PhotoMap, point: Point) -> tuple[LocalMap, float]:
    """The map of a mole's surroundings, and how far the log of its size is from that of `local`.

    `local` is the match's own map at a point of the first photo, from a few other moles, and `warp`
    that of the photos, from all of the skin around: a mole that grew changes neither, and `warp`
    has the smaller error of size. `local` itself where the other has folded.
    """
    linear = warp.jacobians(np.array([[point.x, point.y]]))[0]
    area, own = float(np.linalg.det(linear)), float(np.linalg.det(np.array(local)))
    if not (np.isfinite(linear).all() and area > 0 and own > 0):
        return local, 0.0
    (xx, xy), (yx, yy) = linear.tolist()
    return ((xx, xy), (yx, yy)), abs(float(np.log(area / own))) / 2
