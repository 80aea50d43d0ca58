"""The coarse lattice of a picture, which holds the quantities that vary slowly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .arms import add_arms
from .colour import lab_to_linear
from .light import light_on
from .scene import Body, Shot
from .tube import unproject
from .wear import cloth_light, clothes_of, inside_clothes, room

Planes = NDArray[np.float32]

# Rows of ``Lattice.planes``.
U, V, EDGE, CLOTH, LIGHT, SLANT_U, SLANT_V, FADE, SHEEN, BACK, FOLD, COUNT = (
    0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 14, 15,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Planes (COUNT, rows, columns) at points ``(i - 0.5) * step`` pixels from the corner.

    EDGE and CLOTH are signed distances in pixels, above 0 on the body and on cloth. LIGHT is the
    log of skin colour with its light, three planes; BACK the room's linear light, three planes.
    """

    planes: Planes
    step: int
    cloth_colour: tuple[float, float, float] | None


def _distance(depth: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """Return the signed distance in pixels to the zero of a smooth function."""
    rows, columns = np.gradient(depth, step)
    slope = np.hypot(rows, columns)
    distance: NDArray[np.float64] = np.clip(depth / np.maximum(slope, 1e-9), -500.0, 500.0)
    return distance


def lay(body: Body, shot: Shot) -> Lattice:
    """Compute the lattice of a shot."""
    step = 8 if shot.width * shot.height > 3_000_000 else 4
    x, y = np.meshgrid(
        (np.arange(-(-shot.width // step) + 2) - 0.5) * step,
        (np.arange(-(-shot.height // step) + 2) - 0.5) * step,
    )
    hits = unproject(shot, x, y)
    lit = light_on(shot, hits, step)
    clothes = clothes_of(shot)
    planes = np.empty((COUNT, *x.shape), np.float32)
    planes[U], planes[V] = hits.u, hits.v
    planes[EDGE] = _distance(-hits.outside, step)
    base = np.log(lab_to_linear(body.skin.lab))[:, None, None]
    planes[LIGHT : LIGHT + 3] = base + lit.log_light
    planes[SLANT_U], planes[SLANT_V] = lit.slant_u, lit.slant_v
    planes[FADE] = np.clip(2.5 * lit.facing - 0.2, 0.0, 1.0)
    planes[SHEEN] = lit.sheen
    planes[BACK : BACK + 3] = room(shot, x, y)
    add_arms(planes[BACK : BACK + 3], body.skin, shot, (x, y), hits.outside > -0.05)
    planes[CLOTH], planes[FOLD] = -500.0, 1.0
    if clothes is not None:
        depth = inside_clothes(shot, clothes, hits.u, hits.v)
        planes[CLOTH] = np.clip(depth * shot.pixels_per_mm, -500.0, 500.0)
        planes[FOLD] = cloth_light(shot, hits.u, hits.v) * lit.plain
        # Cloth shades the skin beside it.
        shade = 0.55 * np.exp(-np.maximum(-depth, 0.0) / 2.2) + 0.15 * np.exp(
            -np.maximum(-depth, 0.0) / 9.0
        )
        planes[LIGHT : LIGHT + 3] += np.log(1.0 - shade * np.array([0.75, 0.9, 1.0])[:, None, None])
    return Lattice(planes, step, None if clothes is None else clothes.colour)
