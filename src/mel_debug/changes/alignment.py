"""The map with which crops of a mole are brought to the same size before they are measured."""

import numpy as np

from mel_debug.changes.crops import LocalMap
from mel_debug.core.geometry import Point, Size
from mel_debug.core.stages import PhotoMap

SIZE_STD, MOST_SIZE_STD = 21.0, 0.02
"""Standard deviation of the log of the size by the map, for each unit of that of its place, as a
share of the longer side; and the most.

On 587 moles of generated people (`ratios.GrowthStd`), the size by the map was off by 0.004 where
the place was known to 0.0003 of the longer side, and by 0.02 where to 0.0006 or worse, as at the
edges of a photo.
"""


def measuring_map(
    local: LocalMap, warp: PhotoMap, point: Point, target: Size
) -> tuple[LocalMap, float]:
    """The map of a mole's surroundings, and the standard deviation of the log of its size.

    `local` is the match's own map at a point of the first photo, from a few other moles, and `warp`
    that of the photos, from all of the skin around: a mole that grew changes neither, and `warp`
    has the smaller error of size. `local` itself where the other has folded. `target` is the size
    of the other photo.
    """
    at = np.array([[point.x, point.y]])
    linear, std = warp.jacobians(at)[0], float(warp.std_px(at)[0])
    area, own = float(np.linalg.det(linear)), float(np.linalg.det(np.array(local)))
    if not (np.isfinite(linear).all() and area > 0 and own > 0):
        return local, MOST_SIZE_STD
    (xx, xy), (yx, yy) = linear.tolist()
    return ((xx, xy), (yx, yy)), min(MOST_SIZE_STD, SIZE_STD * std / target.longest)
