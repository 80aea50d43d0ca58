"""Random people: skin over the full range of tones, body shapes, and moles of many kinds."""

from __future__ import annotations

import numpy as np

from .colour import TYPOLOGY, skin_lab
from .scene import Form, Mole, Skin


def draw_skin(rng: np.random.Generator) -> Skin:
    """Draw the skin of one person; typology angles are uniform over their range."""
    typology = float(rng.uniform(*TYPOLOGY))
    fair = float(np.clip((typology - 5.0) / 45.0, 0.0, 1.0))
    hairy = rng.random() < 0.35
    return Skin(
        lab=skin_lab(typology, float(rng.random())),
        seed=int(rng.integers(2**31)),
        mottle=float(rng.uniform(0.8, 1.3)),
        relief=float(rng.uniform(0.7, 1.4)),
        freckles=float(min(1.6, rng.gamma(1.1, 0.12 + 0.65 * fair))),
        hairs=float(rng.uniform(0.1, 0.9)) if hairy else float(rng.uniform(0.0, 0.4)),
        hair_dark=float(rng.uniform(0.55, 0.95)) if hairy else float(rng.uniform(0.1, 0.4)),
    )


def draw_form(rng: np.random.Generator, *, limb: bool = False) -> Form:
    """Draw the bent surface of a back, or of a limb."""
    if limb:
        wide = float(rng.uniform(42.0, 62.0))
        return Form(
            half_width=wide,
            half_depth=wide * float(rng.uniform(0.85, 1.1)),
            half_length=180.0,
            taper=float(rng.uniform(-0.25, 0.25)),
            waist=float(rng.uniform(-0.15, 0.05)),
            bow_side=float(rng.uniform(-12.0, 12.0)),
        )
    wide = float(rng.uniform(150.0, 195.0))
    return Form(
        half_width=wide,
        half_depth=wide * float(rng.uniform(0.50, 0.68)),
        half_length=260.0,
        taper=float(rng.uniform(-0.28, -0.05)),
        waist=float(rng.uniform(0.0, 0.16)),
        bow_side=float(rng.uniform(-8.0, 8.0)),
        bow_depth=float(rng.uniform(-15.0, 40.0)),
        groove=float(rng.uniform(0.8, 4.0)),
        blades=float(rng.uniform(1.5, 8.0)),
    )


def draw_mole(
    rng: np.random.Generator,
    place: tuple[float, float],
    *,
    dark: float,
    present: tuple[bool, ...],
    growth: tuple[float, ...],
    like: Mole | None = None,
) -> Mole:
    """Draw one mole at ``place`` (u, v) in millimetres, similar to the mole ``like`` if given.

    Most are small, flat and brown; some are elongated, lobed, raised, blue-black or red.
    ``dark`` is
    0 for light skin and 1 for dark.
    """
    uuid = rng.bytes(16).hex()
    seed = int(rng.integers(2**31))
    kind = rng.random()
    diameter = float(np.clip(np.exp(rng.normal(1.22, 0.36)), 1.7, 9.5))
    melanin = float(rng.uniform(0.30, 0.85) + 0.35 * dark)
    redness = float(rng.uniform(0.02, 0.18))
    relief = float(rng.uniform(0.0, 0.25))
    if kind < 0.18:
        relief = float(rng.uniform(0.5, 1.2))
    elif kind < 0.30:
        melanin = float(rng.uniform(0.9, 1.6) + 0.3 * dark)
    elif kind < 0.37:
        diameter, melanin, redness = min(diameter, 3.0), 0.08 + 0.25 * dark, 0.8
    if like is not None:
        diameter = float(np.clip(like.diameter * rng.uniform(0.85, 1.2), 1.5, 10.0))
        melanin, redness, relief = like.melanin * rng.uniform(0.85, 1.15), like.redness, like.relief
    return Mole(
        uuid=uuid,
        u=place[0],
        v=place[1],
        diameter=diameter,
        melanin=float(melanin),
        present=present,
        growth=growth,
        redness=redness,
        aspect=float(np.clip(np.exp(np.abs(rng.normal(0.0, 0.28))), 1.0, 2.4)),
        angle=float(rng.uniform(0.0, np.pi)) if like is None else like.angle,
        irregularity=float(rng.beta(1.6, 1.8)),
        softness=float(rng.uniform(0.18, 0.6)),
        relief=relief,
        seed=seed,
    )
