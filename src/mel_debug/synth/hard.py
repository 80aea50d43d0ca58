"""Hard photos: people and shots with what makes real photos difficult to match."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .cases import CONDITIONS, VIEWS
from .crowd import Crowd, populate_hard
from .rendering import mole_positions
from .scene import Body, Light, Mole, Shot, Skin
from .shadows import KINDS, Cast
from .tube import project, unproject

Array = NDArray[np.float64]

_TRIES = 8  # views drawn before a body without room is an error
_VIEW_SHARES = {  # of hard parts with this view; the others keep an ordinary one
    "grazing": 0.18, "partial": 0.12, "closeup4": 0.12, "closeup16": 0.04,
    "half": 0.09, "triple": 0.09, "turned": 0.10,
}  # fmt: skip
_CONDITION_SHARES = {"shadows": 0.75, "glare": 0.35, "freckles": 0.6, "hair": 0.35, "gone": 0.5}
_ZOOMS = {"closeup4": 2.0, "closeup16": 4.0, "half": 0.5, "triple": 3.0}
_USUAL_REACH = 130.0  # half the shorter side of a photo of a back, in millimetres
_CORES = {"closeup16": 0.25, "triple": 0.35, "closeup4": 0.4}


def harden(
    rng: np.random.Generator,
    skin: Skin,
    shots: tuple[Shot, ...],
    crowd: Crowd,
    *,
    hard: bool,
    case: str | None,
) -> tuple[Body, tuple[Shot, ...]]:
    """Return a body and its shots with the difficulties of `cases`, starting from ordinary shots.

    With ``hard`` several are drawn; ``case`` is one more, which replaces the view drawn if it is
    one. Raises ValueError if there is no room for the moles.
    """
    kinds = _draw_kinds(rng, hard, case)
    skin = _hard_skin(rng, skin, kinds)
    role = int(rng.integers(len(shots)))
    crowd = replace(crowd, core=min(_CORES.get(kind, crowd.core) for kind in ("", *kinds)))
    if "gone" in kinds:
        crowd = replace(crowd, near_gone=1.0)
    if "freckles" in kinds:
        crowd = replace(crowd, twins=0.35, freckles=float(rng.uniform(6.0, 20.0)))
    for attempt in range(_TRIES):
        views = _hard_views(rng, shots, kinds, role)
        lit = _hard_light(rng, views, kinds)
        try:
            return populate_hard(rng, skin, lit, crowd), lit
        except ValueError:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _draw_kinds(rng: np.random.Generator, hard: bool, case: str | None) -> frozenset[str]:
    """Return the names of the difficulties: at most one view, any number of conditions."""
    drawn = rng.random(len(CONDITIONS))
    place = rng.random()
    kinds = {case} if case else set()
    if hard:
        kinds |= {k for k, x in zip(CONDITIONS, drawn, strict=True) if x < _CONDITION_SHARES[k]}
        if case not in VIEWS:
            for view, share in _VIEW_SHARES.items():
                if 0.0 <= place < share:
                    kinds.add(view)
                place -= share
    return frozenset(kinds)


def _hard_skin(rng: np.random.Generator, skin: Skin, kinds: frozenset[str]) -> Skin:
    freckles, hairs, dark = rng.uniform(0.8, 2.2), rng.uniform(0.5, 1.4), rng.uniform(0.6, 0.95)
    if "freckles" in kinds:
        skin = replace(skin, freckles=max(skin.freckles, float(freckles)))
    if "hair" in kinds:
        skin = replace(skin, hairs=float(hairs), hair_dark=float(dark))
    return skin


def _hard_views(
    rng: np.random.Generator, shots: tuple[Shot, ...], kinds: frozenset[str], role: int
) -> tuple[Shot, ...]:
    """Return the shots with the view of session ``role`` changed."""
    shots = tuple(
        replace(shot, comb=int(rng.integers(2**31))) if "hair" in kinds else shot for shot in shots
    )
    view = next((kind for kind in kinds if kind in VIEWS), None)
    if view is None:
        return shots
    if view == "grazing":
        side = float(rng.choice([-1.0, 1.0])) * float(rng.uniform(0.35, 0.8))
        shots = tuple(
            replace(shot, aim_u=side * shot.form.half_width, clothes=None) for shot in shots
        )
    other = shots[1 if role == 0 and len(shots) > 1 else 0]
    changed = _changed_view(rng, shots[role], other, view)
    return (*shots[:role], changed, *shots[role + 1 :])


def _changed_view(rng: np.random.Generator, shot: Shot, other: Shot, view: str) -> Shot:
    """Return the shot with a view that differs from that of ``other``, whose scale is kept."""
    if view == "turned":
        return replace(shot, roll=shot.roll + float(rng.uniform(-180.0, 180.0)))
    if view == "grazing":
        steep, slight = float(rng.uniform(38.0, 58.0)), float(rng.uniform(-15.0, 15.0))
        steep *= float(rng.choice([-1.0, 1.0]))
        yaw, pitch = (steep, slight) if rng.random() < 0.65 else (slight, 0.85 * steep)
        return replace(shot, yaw=yaw, pitch=pitch)
    if view == "partial":
        u, v = _aim(rng, other, 0.28, 0.42)
        return replace(shot, aim_u=u, aim_v=v)
    zoom = _ZOOMS[view]
    u, v = _aim(rng, other, 0.0, 0.4 * (1.0 - 1.0 / zoom)) if zoom > 1 else (shot.aim_u, shot.aim_v)
    return replace(
        shot,
        pixels_per_mm=zoom * other.pixels_per_mm,
        distance=other.distance / zoom**0.5,
        aim_u=u,
        aim_v=v,
        clothes=None if zoom > 1 else shot.clothes,
    )


def _aim(rng: np.random.Generator, shot: Shot, least: float, most: float) -> tuple[float, float]:
    """Return a surface point (u, v) of bare skin that faces the camera of ``shot``.

    It is ``least`` to ``most`` of the picture's size away from the middle.
    """
    for _ in range(200):
        away, turn = float(rng.uniform(least, most)), float(rng.uniform(0, 2 * np.pi))
        x = np.array(shot.width * (0.5 + away * np.cos(turn)))
        y = np.array(shot.height * (0.5 + away * np.sin(turn)))
        hit = unproject(shot, x, y)
        if (
            hit.outside < 0
            and project(shot, hit.u, hit.v)[2] > 0.55
            and _is_bare(shot, hit.u, hit.v)
        ):
            return float(hit.u), float(hit.v)
    return shot.aim_u, shot.aim_v


def _is_bare(shot: Shot, u: Array, v: Array) -> bool:
    probe = Mole("0" * 32, float(u), float(v), 20.0, 0.5, (True,), (1.0,))
    plain = replace(shot, light=Light())
    return bool(mole_positions(Body(Skin((50.0, 5.0, 15.0), 0), (probe,)), plain))


def _hard_light(
    rng: np.random.Generator, shots: tuple[Shot, ...], kinds: frozenset[str]
) -> tuple[Shot, ...]:
    """Return the shots with cast shadows and glare, which differ between them."""
    shared = str(rng.choice(KINDS)), int(rng.integers(2**31))
    sure = int(rng.integers(len(shots)))
    lit = []
    for session, shot in enumerate(shots):
        light, casts = shot.light, list[Cast]()
        if "shadows" in kinds:
            # Half of them are the same object, at another time of the day.
            other = str(rng.choice(KINDS)), int(rng.integers(2**31))
            casts.append(_shadow(rng, shot, *(shared if rng.random() < 0.5 else other)))
        if "glare" in kinds and (rng.random() < 0.35 or session == sure):
            casts.append(_glare(rng, shot))
        if casts:
            light = replace(light, key=float(rng.uniform(0.55, 0.8)), casts=tuple(casts))
        lit.append(replace(shot, light=light))
    return tuple(lit)


def _frame(shot: Shot) -> float:
    """Return half the shorter side of the picture on the skin, in millimetres."""
    return min(0.5 * min(shot.width, shot.height) / shot.pixels_per_mm, 1.2 * shot.form.half_width)


def _shadow(rng: np.random.Generator, shot: Shot, kind: str, seed: int) -> Cast:
    reach = 0.7 * _frame(shot)
    return Cast(
        kind=kind,
        seed=seed,
        shift=(float(rng.uniform(-reach, reach)), float(rng.uniform(-reach, reach))),
        turn=float(rng.uniform(0, 360)),
        edge_mm=float(np.exp(rng.uniform(np.log(1.0), np.log(9.0)))),
        size=min(1.0, 1.2 * shot.form.half_width / _USUAL_REACH),
        sun=float(rng.uniform(1.0, 1.4)),
        shade=float(rng.uniform(0.0, 0.35)),
    )


def _glare(rng: np.random.Generator, shot: Shot) -> Cast:
    """Return a patch of sun beside the middle of the picture, or deep shade there."""
    reach, turn = _frame(shot), float(rng.uniform(0, 2 * np.pi))
    away = float(rng.uniform(0.5, 1.0)) * reach
    sunny = rng.random() < 0.65
    return Cast(
        kind=str(rng.choice(["window", "blinds"] if sunny else ["limb", "limb", "leaves"])),
        seed=int(rng.integers(2**31)),
        shift=(away * float(np.cos(turn)), away * float(np.sin(turn))),
        turn=float(rng.uniform(0, 360)),
        edge_mm=float(rng.uniform(1.0, 8.0)),
        size=reach / _USUAL_REACH * float(rng.uniform(0.6, 1.1)),
        sun=float(rng.uniform(2.5, 6.0)) if sunny else 1.0,
        shade=1.0 if sunny else 0.0,
    )
