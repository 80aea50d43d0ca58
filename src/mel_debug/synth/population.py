"""Moles in view of every shot, with a history over the sessions."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from .people import draw_mole
from .rendering import mole_positions
from .scene import Body, Mole, Shot, Skin
from .tube import unproject

_PATIENCE = 300  # tries to place one mole
_DARKEST, _LIGHTEST = 28.0, 76.0  # L*, for the share of darkness that moles add to


def darkness(skin: Skin) -> float:
    """Return 0 for light skin and 1 for dark skin."""
    return float(np.clip((_LIGHTEST - skin.lab[0]) / (_LIGHTEST - _DARKEST), 0, 1))


def _in_all(shots: tuple[Shot, ...], skin: Skin, mole: Mole) -> bool:
    probe = Body(skin, (mole,), len(mole.present))
    return all(mole_positions(probe, shot, margin=1.5) for shot in shots)


def history(
    rng: np.random.Generator, sessions: int, vanishing: bool, new: bool, difficulty: float
) -> tuple[tuple[bool, ...], tuple[float, ...]]:
    """Return presence and growth over the sessions of a mole that may disappear or appear."""
    change = int(rng.integers(1, sessions)) if sessions > 1 else 0
    present = [
        not (vanishing and day >= change) and not (new and day < change) for day in range(sessions)
    ]
    grows = float(np.exp(rng.normal(0.0, 0.12 * difficulty))) if rng.random() < 0.3 else 1.0
    return tuple(present), tuple(grows ** (day / max(1, sessions - 1)) for day in range(sessions))


def populate(
    rng: np.random.Generator,
    skin: Skin,
    shots: tuple[Shot, ...],
    moles: int,
    difficulty: float,
    absent: float,
) -> Body:
    """Return a body whose moles are in view of all shots; some are in clusters of similar moles."""
    sessions = len(shots)
    form = shots[0].form
    dark = darkness(skin)
    vanishing = round(absent * moles) if sessions > 1 else 0
    new = min(moles - vanishing, round(0.4 * absent * moles)) if sessions > 1 else 0
    changes = np.array([1] * vanishing + [2] * new + [0] * (moles - vanishing - new))
    rng.shuffle(changes)
    # Moles must lie in the shot with the smallest field of view.
    near = max(shots, key=lambda shot: shot.pixels_per_mm)
    found: list[Mole] = []
    tries = 0
    while len(found) < moles:
        tries += 1
        if tries > _PATIENCE:
            raise ValueError(
                f"found room for only {len(found)} of {moles} moles in view of every shot; "
                "choose fewer moles or a lower difficulty"
            )
        like = None
        if found and rng.random() < 0.12 + 0.2 * difficulty:
            like = found[int(rng.integers(len(found)))]
            away = like.diameter * rng.uniform(1.6, 6.0)
            turn = rng.uniform(0, 2 * np.pi)
            u, v = like.u + away * np.cos(turn), like.v + away * np.sin(turn)
        else:
            x, y = rng.uniform(0, near.width), rng.uniform(0, near.height)
            hit = unproject(near, np.array(x), np.array(y))
            if hit.outside > 0:
                continue
            u, v = float(hit.u), float(hit.v)
        present, growth = history(
            rng, sessions, changes[len(found)] == 1, changes[len(found)] == 2, difficulty
        )
        mole = draw_mole(
            rng, (float(u), float(v)), dark=dark, present=present, growth=growth, like=like
        )
        small = form.half_width < 100
        if small and like is None:
            mole = replace(mole, diameter=max(1.5, 0.75 * mole.diameter))
        room = all(
            math.hypot(m.u - u, m.v - v) > 0.75 * (m.diameter + mole.diameter) for m in found
        )
        if room and _in_all(shots, skin, mole):
            found.append(mole)
            tries = 0
    reach = (1.9 * form.half_width, 1.6 * form.half_length)
    return Body(skin=skin, moles=tuple(found), sessions=sessions, reach=reach)
