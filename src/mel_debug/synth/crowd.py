"""Moles of hard photos: not all in view of every shot, and with spots beside them like them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from .people import draw_mole
from .population import darkness, history
from .rendering import mole_positions
from .scene import Body, Mole, Shot, Skin
from .tube import unproject
from .visibility import visible

_PATIENCE = 200  # tries to place one mole
_CORE = 6  # moles in view of every shot, if there are so many
_APART = 0.75  # distance of two spots, in sums of their diameters


@dataclass(frozen=True, slots=True)
class Crowd:
    """The spots of a hard body: moles, and freckles beside them.

    ``absent`` is the share of the moles that disappears, ``core`` the share in view of every shot,
    ``difficulty`` that of their growth. ``near_gone`` and ``twins`` are the shares of changing and
    of other moles with a similar freckle near, ``freckles`` the number of others per square
    decimetre.
    """

    moles: int
    absent: float
    difficulty: float
    core: float = 0.6
    near_gone: float = 0.6
    twins: float = 0.15
    freckles: float = 0.0


def populate_hard(
    rng: np.random.Generator,
    skin: Skin,
    shots: tuple[Shot, ...],
    crowd: Crowd,
) -> Body:
    """Return a body of which some moles are in view of every shot, and the others of the widest.

    Every mole is visible in plain light wherever it is in view. Raises ValueError if there is no
    room.
    """
    sessions, form = len(shots), shots[0].form
    core = min(crowd.moles, max(_CORE, round(crowd.core * crowd.moles)))
    changes = _changes(rng, core, crowd.absent, sessions)
    changes += _changes(rng, crowd.moles - core, crowd.absent, sessions)
    near = max(shots, key=lambda shot: shot.pixels_per_mm)
    wide = min(shots, key=lambda shot: shot.pixels_per_mm)
    found: list[Mole] = []
    for number in range(crowd.moles):
        common, change = number < core, changes[number]
        past = partial(history, rng, sessions, change == 1, change == 2, crowd.difficulty)
        views, drawn_in = (shots, near) if common else ((wide,), wide)
        for _ in range(_PATIENCE):
            mole = _candidate(rng, skin, drawn_in, found, past)
            if mole is None or not _has_room(mole, found):
                continue
            if _stands_out(skin, mole, shots, views, common):
                found.append(mole)
                break
        else:
            raise ValueError(
                f"found room for only {len(found)} of {crowd.moles} moles; "
                "choose fewer moles or a lower difficulty"
            )
    reach = (1.9 * form.half_width, 1.6 * form.half_length)
    unmarked = _unmarked(rng, skin, wide, found, crowd)
    return Body(skin, tuple(found), sessions, reach, tuple(unmarked))


def _candidate(
    rng: np.random.Generator,
    skin: Skin,
    shot: Shot,
    found: Sequence[Mole],
    past: Callable[[], tuple[tuple[bool, ...], tuple[float, ...]]],
) -> Mole | None:
    """Return a mole in a shot or beside another mole; None if the point drawn is off the body.

    ``past`` draws its presence and growth over the sessions.
    """
    like = found[int(rng.integers(len(found)))] if found and rng.random() < 0.2 else None
    place = _anywhere(rng, shot)
    if like is not None:
        place = _near(rng, like, 1.6 * like.diameter, 6.0 * like.diameter)
    if place is None:
        return None
    present, growth = past()
    mole = draw_mole(rng, place, dark=darkness(skin), present=present, growth=growth, like=like)
    if shot.form.half_width < 100 and like is None:
        mole = replace(mole, diameter=max(1.5, 0.75 * mole.diameter))
    return mole


def _changes(rng: np.random.Generator, moles: int, absent: float, sessions: int) -> list[int]:
    """Return for each mole 1 if it disappears, 2 if it is new, and 0 otherwise."""
    gone = round(absent * moles) if sessions > 1 else 0
    new = min(moles - gone, round(0.4 * absent * moles)) if sessions > 1 else 0
    changes = [1] * gone + [2] * new + [0] * (moles - gone - new)
    return [changes[i] for i in rng.permutation(moles)]


def _anywhere(rng: np.random.Generator, shot: Shot) -> tuple[float, float] | None:
    """Return a place (u, v) in the picture, or None if the point drawn is not on the body."""
    x, y = rng.uniform(0, shot.width), rng.uniform(0, shot.height)
    hit = unproject(shot, np.array(x), np.array(y))
    return None if hit.outside > 0 else (float(hit.u), float(hit.v))


def _near(rng: np.random.Generator, mole: Mole, least: float, most: float) -> tuple[float, float]:
    """Return a place ``least`` to ``most`` millimetres away from a mole."""
    away, turn = float(rng.uniform(least, most)), float(rng.uniform(0, 2 * np.pi))
    return mole.u + away * math.cos(turn), mole.v + away * math.sin(turn)


def _has_room(mole: Mole, others: Sequence[Mole]) -> bool:
    return all(
        math.hypot(other.u - mole.u, other.v - mole.v) > _APART * (other.diameter + mole.diameter)
        for other in others
    )


def _stands_out(
    skin: Skin, mole: Mole, shots: tuple[Shot, ...], views: tuple[Shot, ...], in_light: bool
) -> bool:
    """Return whether a mole is in view of ``views``, and visible in every shot that shows it.

    Cast shadows count only with ``in_light``: they may hide other moles.
    """
    probe = Body(skin, (mole,), len(mole.present))
    for shot in shots:
        plain = replace(shot, light=replace(shot.light, casts=()))
        if shot in views and not mole_positions(probe, plain, margin=1.5):
            return False
        lights = (shot, plain) if in_light else (plain,)
        shown = mole_positions(probe, plain)
        if shown and not all(visible(skin, (mole,), light)[0] for light in lights):
            return False
    return True


def _unmarked(
    rng: np.random.Generator, skin: Skin, wide: Shot, moles: Sequence[Mole], crowd: Crowd
) -> list[Mole]:
    """Return freckles beside moles that look like them, and freckles anywhere."""
    spots: list[Mole] = []
    always = (True,) * len(moles[0].present) if moles else (True,)
    for mole in moles:
        share = crowd.twins if all(mole.present) else crowd.near_gone
        if rng.random() < share:
            for _ in range(40):
                # False answers for gone moles were seen on freckles that far away in real photos.
                least = max(1.5, 1.5 * mole.diameter)
                place = _near(rng, mole, least, max(8.0, 1.3 * least))
                spot = _freckle(rng, skin, place, always, like=mole)
                if _has_room(spot, [*moles, *spots]):
                    spots.append(spot)
                    break
    area = wide.width * wide.height / wide.pixels_per_mm**2 / 1e4  # square decimetres
    for _ in range(int(rng.poisson(crowd.freckles * area))):
        anywhere = _anywhere(rng, wide)
        if anywhere is None:
            continue
        spot = _freckle(rng, skin, anywhere, always)
        if _has_room(spot, [*moles, *spots]):
            spots.append(spot)
    return spots


def _freckle(
    rng: np.random.Generator,
    skin: Skin,
    place: tuple[float, float],
    present: tuple[bool, ...],
    *,
    like: Mole | None = None,
) -> Mole:
    growth = (1.0,) * len(present)
    dark = darkness(skin)
    spot = draw_mole(rng, place, dark=dark, present=present, growth=growth, like=like)
    if like is not None:
        return replace(spot, diameter=max(1.0, spot.diameter * float(rng.uniform(0.6, 1.0))))
    size, shade = float(rng.uniform(1.0, 2.4)), float(rng.uniform(0.4, 0.9))
    return replace(spot, diameter=size, melanin=spot.melanin * shade, relief=0.0)
