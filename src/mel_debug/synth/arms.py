"""The arms beside a back, which are part of the background and not of the mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .colour import lab_to_linear
from .light import amount_of, direction
from .scene import Form, Shot, Skin
from .tube import normals, unproject
from .wear import clothes_of

Array = NDArray[np.float64]


def add_arms(
    back: NDArray[np.float32],
    skin: Skin,
    shot: Shot,
    points: tuple[Array, Array],
    open_to_view: NDArray[np.bool_],
) -> None:
    """Paint both arms into the background (3, rows, columns) where ``open_to_view`` is True."""
    if shot.form.half_width < 100.0 or not open_to_view.any():
        return
    rng = np.random.default_rng([shot.room, 44])
    clothes = clothes_of(shot)
    sleeves = clothes is not None and (clothes.neck > -1e3 or clothes.opening < 1e3)
    colour = lab_to_linear(skin.lab)
    if clothes is not None and sleeves:
        colour = np.array(clothes.colour)
    towards = direction(shot)
    x, y = points[0][open_to_view], points[1][open_to_view]
    step = float(points[0][0, 1] - points[0][0, 0])
    for side in (-1.0, 1.0):
        thick = float(rng.uniform(38.0, 50.0)) * (1.2 if sleeves else 1.0)
        arm = Form(thick, 1.05 * thick, 300.0, taper=-0.2, bow_side=side * rng.uniform(-10, 60))
        away = side * (shot.form.half_width + thick + float(rng.uniform(-12.0, 30.0)))
        hits = unproject(shot, x, y, other=arm, offset=(away, 0.0, float(rng.uniform(-15.0, 30.0))))
        facing = normals(arm, hits.points)
        light = amount_of(shot, np.tensordot(towards, facing, axes=1), -facing[1], np.ones_like(x))
        # The edge is soft over two lattice steps, because the arm is slightly out of focus.
        depth = -0.5 * hits.outside * thick * shot.pixels_per_mm
        cover = np.clip(0.5 + depth / (2.0 * step), 0.0, 1.0)
        tint = np.array(shot.light.tint)[:, None] * shot.light.exposure
        painted = light * colour[:, None] * tint
        back[:, open_to_view] += (cover * (painted - back[:, open_to_view])).astype(np.float32)
