"""Random plans of photo pairs and of whole repositories, at a given difficulty."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .people import draw_form, draw_mole, draw_skin
from .rendering import mole_positions
from .scene import Body, Mole, Shot, Skin
from .takes import first_shot, retake
from .tube import unproject

PARTS = (
    ("Trunk", "Back"),
    ("LeftArm", "Upper"),
    ("RightArm", "Upper"),
    ("LeftLeg", "Thigh"),
    ("RightLeg", "Thigh"),
    ("Trunk", "LowerBack"),
    ("LeftLeg", "Calf"),
    ("RightLeg", "Calf"),
)
_MOST = 1000  # moles of one part of a body
_PATIENCE = 300  # tries to place one mole
_DARKEST, _LIGHTEST = 28.0, 76.0  # L*, for the share of darkness that moles add to


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """One body part and its shot in every session, oldest first."""

    part: str
    subpart: str
    body: Body
    shots: tuple[Shot, ...]


def _check(megapixels: float, moles: int, difficulty: float, absent: float) -> None:
    if not 0.01 <= megapixels <= 100:
        raise ValueError(f"megapixels is {megapixels}; it should lie between 0.01 and 100")
    if moles < 0:
        raise ValueError(f"moles is {moles}; it should be 0 or more")
    if moles > _MOST:
        raise ValueError(
            f"no body part has room for {moles} moles; choose fewer moles, at most {_MOST}"
        )
    if not 0 <= difficulty <= 1:
        raise ValueError(f"difficulty is {difficulty}; it should lie between 0 and 1")
    if not 0 <= absent <= 1:
        raise ValueError(f"absent is {absent}; it should lie between 0 and 1")


def _in_all(shots: tuple[Shot, ...], skin: Skin, mole: Mole) -> bool:
    probe = Body(skin, (mole,), len(mole.present))
    return all(mole_positions(probe, shot, margin=1.5) for shot in shots)


def _history(
    rng: np.random.Generator, sessions: int, vanishing: bool, new: bool, difficulty: float
) -> tuple[tuple[bool, ...], tuple[float, ...]]:
    """Return presence and growth over the sessions of a mole that may disappear or appear."""
    change = int(rng.integers(1, sessions)) if sessions > 1 else 0
    present = [
        not (vanishing and day >= change) and not (new and day < change) for day in range(sessions)
    ]
    grows = float(np.exp(rng.normal(0.0, 0.12 * difficulty))) if rng.random() < 0.3 else 1.0
    return tuple(present), tuple(grows ** (day / max(1, sessions - 1)) for day in range(sessions))


def _populate(
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
    dark = float(np.clip((_LIGHTEST - skin.lab[0]) / (_LIGHTEST - _DARKEST), 0, 1))
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
        present, growth = _history(
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


def plan_pair(  # noqa: PLR0913 - each is a setting of a benchmark
    seed: int,
    *,
    megapixels: float = 12.0,
    moles: int = 30,
    difficulty: float = 0.5,
    rotation: float | None = None,
    scale: float | None = None,
    absent: float = 0.2,
) -> tuple[Body, Shot, Shot]:
    """Return a body and two shots of it; render the first as session 0, the second as session 1.

    ``rotation`` (degrees clockwise, as shown) and ``scale`` (0.25..4) of the second relative
    to the first are drawn by difficulty unless given. All moles are in view of both shots; a share
    ``absent`` is absent in session 1, and 0.4 times as many are new in it. Raises ValueError for
    values out of range and if there is no room for the moles.
    """
    _check(megapixels, moles, difficulty, absent)
    if scale is not None and not 0.25 <= scale <= 4:
        raise ValueError(f"scale is {scale}; it should lie between 0.25 and 4")
    rng = np.random.default_rng([seed, 11])
    skin = draw_skin(rng)
    form = draw_form(rng, limb=bool(rng.random() < 0.25))
    first = first_shot(rng, skin, form, megapixels)
    second = retake(rng, first, difficulty, rotation, scale)
    return _populate(rng, skin, (first, second), moles, difficulty, absent), first, second


def plan_sessions(  # noqa: PLR0913 - each is an option of the command
    seed: int,
    *,
    photos: int = 2,
    sessions: int = 2,
    moles: int = 12,
    megapixels: float = 12.0,
    difficulty: float = 0.5,
    absent: float = 0.1,
) -> tuple[PlannedPart, ...]:
    """Plan ``photos`` body parts of one person, each photographed once in every session.

    ``moles`` is the number on each part. Raises ValueError as `plan_pair` does.
    """
    _check(megapixels, moles, difficulty, absent)
    if photos < 1 or sessions < 1:
        raise ValueError("photos and sessions should be 1 or more")
    skin = draw_skin(np.random.default_rng([seed, 12]))
    planned = []
    for number in range(photos):
        rng = np.random.default_rng([seed, 13, number])
        part, subpart = PARTS[number % len(PARTS)]
        if number >= len(PARTS):
            subpart = f"{subpart}{number // len(PARTS) + 1}"
        skin_here = replace(skin, seed=int(rng.integers(2**31)))
        form = draw_form(rng, limb=part != "Trunk")
        first = first_shot(rng, skin_here, form, megapixels)
        later = [retake(rng, first, difficulty, None, None) for _ in range(sessions - 1)]
        shots = (first, *later)
        body = _populate(rng, skin_here, shots, moles, difficulty, absent)
        planned.append(PlannedPart(part, subpart, body, shots))
    return tuple(planned)
