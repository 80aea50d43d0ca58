"""Random plans of photo pairs and of whole repositories, at a given difficulty."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .cases import CASES
from .changing import changing as changed
from .crowd import Crowd
from .hard import harden
from .people import draw_form, draw_skin
from .population import populate
from .scene import Body, Shot
from .takes import first_shot, retake

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


def _check_case(case: str | None) -> None:
    if case is not None and case not in CASES:
        raise ValueError(f"case is {case!r}; it should be one of {', '.join(CASES)}")


def plan_pair(  # noqa: PLR0913 - each is a setting of a benchmark
    seed: int,
    *,
    megapixels: float = 12.0,
    moles: int = 30,
    difficulty: float = 0.5,
    rotation: float | None = None,
    scale: float | None = None,
    absent: float = 0.2,
    hard: bool = False,
    case: str | None = None,
    changing: bool = False,
) -> tuple[Body, Shot, Shot]:
    """Return a body and two shots of it; render the first as session 0, the second as session 1.

    ``rotation`` (degrees clockwise, as shown) and ``scale`` (0.25..4) of the second relative
    to the first are drawn by difficulty unless given. All moles are in view of both shots; a share
    ``absent`` is absent in session 1, and 0.4 times as many are new in it.

    ``hard`` adds difficulties of real photos, such as moving shadows and close-ups, and ``case``
    one of `cases.CASES` by name, with the rest as without it; then only some moles, at least 6, are
    in view of both shots. Raises ValueError for values out of range and if there is no room
    for the moles.
    """
    _check(megapixels, moles, difficulty, absent)
    _check_case(case)
    if scale is not None and not 0.25 <= scale <= 4:
        raise ValueError(f"scale is {scale}; it should lie between 0.25 and 4")
    rng = np.random.default_rng([seed, 11])
    skin = draw_skin(rng)
    form = draw_form(rng, limb=bool(rng.random() < 0.25))
    first = first_shot(rng, skin, form, megapixels)
    second = retake(rng, first, difficulty, rotation, scale)
    shots: tuple[Shot, ...] = (first, second)
    if not hard and case is None:
        body = populate(rng, skin, shots, moles, difficulty, absent)
    else:
        body, shots = harden(
            np.random.default_rng([seed, 14]),
            skin,
            shots,
            Crowd(moles, absent, difficulty),
            hard=hard,
            case=case,
        )
    if changing:
        body, shots = changed(np.random.default_rng([seed, 17]), body, shots)
    return body, shots[0], shots[1]


def plan_sessions(  # noqa: PLR0913 - each is an option of the command
    seed: int,
    *,
    photos: int = 2,
    sessions: int = 2,
    moles: int = 12,
    megapixels: float = 12.0,
    difficulty: float = 0.5,
    absent: float = 0.1,
    hard: bool = False,
    cases: tuple[str, ...] = (),
    changing: bool = False,
) -> tuple[PlannedPart, ...]:
    """Plan ``photos`` body parts of one person, each photographed once in every session.

    ``moles`` is the number on each part. ``hard`` and ``changing`` are as in `plan_pair`, and the
    parts take ``cases`` in turn. Raises ValueError as `plan_pair` does.
    """
    _check(megapixels, moles, difficulty, absent)
    for case in cases:
        _check_case(case)
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
        shots: tuple[Shot, ...] = (first, *later)
        if hard or cases:
            body, shots = harden(
                np.random.default_rng([seed, 16, number]),
                skin_here,
                shots,
                Crowd(moles, absent, difficulty),
                hard=hard,
                case=cases[number % len(cases)] if cases else None,
            )
        else:
            body = populate(rng, skin_here, shots, moles, difficulty, absent)
        if changing:
            body, shots = changed(np.random.default_rng([seed, 18, number]), body, shots)
        planned.append(PlannedPart(part, subpart, body, shots))
    return tuple(planned)
