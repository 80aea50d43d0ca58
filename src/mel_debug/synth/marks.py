"""The freckles, moles and hairs of a body, ready to paint."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .scene import Body, Shot, Skin
from .spots import Spots, stamp
from .tube import project

Array = NDArray[np.float64]

_SHAPES = 40  # freckles share this many stamps


@lru_cache(maxsize=4)
def freckles(skin: Skin, reach_u: float, reach_v: float) -> Spots:
    """Return unmarked freckles over the skin within ±reach_u and ±reach_v millimetres."""
    rng = np.random.default_rng([skin.seed, 61])
    count = int(rng.poisson(skin.freckles * 4.0 * reach_u * reach_v / 100.0))
    place = rng.random((2, 3 * count + 1))
    # Freckles are denser in some regions: a slow wave over the skin selects them.
    waves = rng.uniform(-0.025, 0.025, (4, 2)), rng.uniform(0, 6, 4)
    u, v = (2 * place[0] - 1) * reach_u, (2 * place[1] - 1) * reach_v
    mood = sum(np.sin(u * w[0] + v * w[1] + p) for w, p in zip(waves[0], waves[1], strict=True))
    order = np.argsort(-(mood + rng.gumbel(0.0, 1.4, u.size)))[:count]
    u, v = u[order], v[order]
    radius = 0.5 * np.clip(np.exp(rng.normal(-0.02, 0.48, count)), 0.3, 3.4)
    dark = 0.06 + 0.34 * rng.beta(1.2, 2.6, count) * np.clip(radius / 0.5, 0.5, 2.0)
    shapes = [stamp(skin.seed + 7 * k, 0.95, 0.65) for k in range(_SHAPES)]
    pick = rng.integers(0, _SHAPES, count)
    return Spots(
        u=u,
        v=v,
        radius=radius,
        aspect=np.exp(np.abs(rng.normal(0.0, 0.30, count))),
        angle=np.where(rng.random(count) < 0.5, 1.2, rng.uniform(0, np.pi, count)),
        melanin=dark,
        blood=dark * rng.choice([0.1, 0.1, 0.2, 0.8], count),
        relief=np.zeros(count),
        stamps=tuple(shapes[k] for k in pick),
    )


def moles_in(body: Body, session: int, hidden: frozenset[str] = frozenset()) -> Spots:
    """Return the spots that are present in a session, marked or not, except those in ``hidden``."""
    spots = body.moles + body.unmarked
    moles = [mole for mole in spots if mole.present[session] and mole.uuid not in hidden]

    def column(name: str) -> Array:
        return np.array([getattr(mole, name) for mole in moles], dtype=np.float64)

    shade = np.array([mole.shade_in(session) for mole in moles], dtype=np.float64)
    return Spots(
        u=column("u"),
        v=column("v"),
        radius=np.array([mole.diameter_in(session) / 2 for mole in moles], dtype=np.float64),
        aspect=np.array([mole.aspect_in(session) for mole in moles], dtype=np.float64),
        angle=column("angle"),
        melanin=column("melanin") * shade,
        blood=column("redness") * shade,
        relief=column("relief"),
        stamps=tuple(stamp(mole.seed, mole.irregularity, mole.softness) for mole in moles),
    )


def hair_cover(body: Body, shot: Shot) -> NDArray[np.float32] | None:
    """Return the share of each pixel (height, width) covered by hair; negative for bright hair."""
    skin, reach = body.skin, body.reach
    count = int(skin.hairs * 4.0 * reach[0] * reach[1] / 100.0)
    if count == 0:
        return None
    rng = np.random.default_rng([skin.seed, 62])
    root = (2 * rng.random((2, count)) - 1) * np.array(reach)[:, None]
    root_x, root_y, _ = project(shot, root[0], root[1])
    far = 40.0 * shot.pixels_per_mm
    near = (np.abs(root_x - shot.width / 2) < shot.width / 2 + far) & (
        np.abs(root_y - shot.height / 2) < shot.height / 2 + far
    )
    long = skin.hair_dark > 0.5
    length = rng.gamma(6.0, 2.2 if long else 0.75, count)
    lean = 1.35 + 0.5 * np.sin(root[0] / 47.0) + 0.30 * rng.standard_normal(count)
    curl = rng.normal(0.0, 0.55, count)
    if shot.comb is not None:
        lie = np.random.default_rng([shot.comb, 63])
        wave = 0.5 * np.sin(root[0] / 61.0 + root[1] / 53.0 + lie.uniform(0, 2 * np.pi))
        lean = lean + lie.normal(0.0, 0.35) + wave + 0.25 * lie.standard_normal(count)
    thick = rng.uniform(0.035, 0.075, count) if long else rng.uniform(0.015, 0.035, count)
    gleam = np.where(rng.random(count) < (0.05 if long else 0.4), -0.6, 1.0)
    root, length, lean, curl = root[:, near], length[near], lean[near], curl[near]
    thick, gleam = thick[near], gleam[near]
    if length.size == 0:
        return None
    pieces = int(np.clip(length.max() * shot.pixels_per_mm * 1.3, 6, 400))
    part = ((np.arange(pieces) + 0.5) / pieces)[:, None]
    angle = lean + curl * part
    u = root[0] + np.cumsum(np.cos(angle) * length / pieces, axis=0)
    v = root[1] + np.cumsum(np.sin(angle) * length / pieces, axis=0)
    x, y, facing = project(shot, u, v)
    keep = (facing > 0.05) & (x > 1) & (y > 1) & (x < shot.width - 2) & (y < shot.height - 2)
    amount = thick * length / pieces * gleam * (1.15 - part) * shot.pixels_per_mm**2
    x, y, amount = x[keep] - 0.5, y[keep] - 0.5, np.broadcast_to(amount, keep.shape)[keep]
    column, row = x.astype(np.int64), y.astype(np.int64)
    cover = np.zeros(shot.height * shot.width, np.float32)
    for right in (0, 1):
        for below in (0, 1):
            share = np.abs(1 - right - (x - column)) * np.abs(1 - below - (y - row))
            np.add.at(
                cover,
                (row + below) * shot.width + column + right,
                (amount * share).astype(np.float32),
            )
    return cover.reshape(shot.height, shot.width)
