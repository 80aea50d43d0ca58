"""Light on the bent surface, computed on the coarse lattice of the picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .scene import Form, Shot
from .shadows import passed
from .tube import Hits, camera, normals, surface, unit

Array = NDArray[np.float64]

# Subsurface scattering beyond the terminator in red, green and blue: red travels farthest.
_WRAP = np.array([0.36, 0.24, 0.20])
_FINE_RELIEF = 0.015  # log light for a slope of one std under a grazing key light


@dataclass(frozen=True, slots=True, eq=False)
class Lit:
    """Log light (3, ...) on skin, its sheen, grey light on cloth, and the cosine to the camera.

    ``slant_u`` and ``slant_v`` turn slopes of the fine relief into changes of log light.
    """

    log_light: Array
    sheen: Array
    plain: Array
    facing: Array
    slant_u: Array
    slant_v: Array


def macro_relief(form: Form, u: Array, v: Array) -> Array:
    """Return the height in millimetres of spine and shoulder blades over the plain tube."""
    along = np.exp(-(((v - 0.25 * form.half_length) / (0.75 * form.half_length)) ** 2))
    bones = 1.0 + 0.10 * np.sin(v / 6.5 + 0.6 * np.sin(v / 31.0))
    spine = -form.groove * np.exp(-((u / 17.0) ** 2)) * along * bones
    sides = 0.8 * form.groove * np.exp(-(((np.abs(u) - 42.0) / 27.0) ** 2)) * along
    tilt = (np.abs(u) - 78.0) - 0.25 * (v + 60.0)
    blades = form.blades * np.exp(-((tilt / 32.0) ** 2) - ((v + 60.0) / 62.0) ** 2)
    relief: Array = spine + sides + blades
    return relief


def direction(shot: Shot) -> Array:
    """Return the unit vector towards the key light, which does not move when the camera rolls."""
    right, down, forward = camera(replace(shot, roll=0.0)).axes
    azimuth, elevation = np.radians(shot.light.azimuth), np.radians(shot.light.elevation)
    flat = np.cos(azimuth) * right + np.sin(azimuth) * down
    return unit(np.cos(elevation) * flat - np.sin(elevation) * forward)


def _stripes(shot: Shot, points: Array, towards: Array) -> Array:
    """Return the share of the key light that passes the blinds; 1 without blinds."""
    light = shot.light
    if light.stripes == 0.0:
        return np.ones(points.shape[1:])
    turn = np.radians(light.stripe_angle)
    across = np.array([np.sin(turn), np.cos(turn), 0.15])
    across = unit(across - (across @ towards) * towards)
    phase = np.tensordot(across, points, axes=1) * (2 * np.pi / light.stripe_mm)
    # Steep edges with a soft penumbra, like shadows of slats a few metres away.
    bars = 0.5 + 0.5 * np.tanh(2.6 * (np.sin(phase + 0.35 * np.sin(0.31 * phase)) + 0.1))
    share: Array = 1.0 - light.stripes * bars
    return share


def _casts(shot: Shot, points: Array, towards: Array, aim: Array, step: float) -> Array | float:
    """Return the factor of all cast shadows on the key light."""
    if not shot.light.casts:
        return 1.0
    across = unit(np.cross(towards, [0.0, 1.0, 0.0]) + np.array([1e-9, 0.0, 0.0]))
    along = np.cross(towards, across)
    from_aim = points - aim.reshape((3,) + (1,) * (points.ndim - 1))
    p, q = (np.tensordot(axis, from_aim, axes=1) for axis in (across, along))
    factor = np.ones(points.shape[1:])
    for cast in shot.light.casts:
        factor *= passed(cast, p, q, least_edge=1.5 * step / shot.pixels_per_mm)
    return factor


def amount_of(shot: Shot, facing_key: Array, up: Array, share: Array) -> Array:
    """Return the light (3, ...) of key and surroundings together, before exposure."""
    wrap = _WRAP.reshape((3,) + (1,) * facing_key.ndim)
    key = np.maximum(0.0, (facing_key + wrap) / (1.0 + wrap)) * share
    around = 0.78 + 0.22 * up
    total: Array = shot.light.key * 1.35 * key + (1.0 - shot.light.key) * around
    return total


def light_on(shot: Shot, hits: Hits, step: int = 1) -> Lit:
    """Return the light at every hit; they are ``step`` pixels apart."""
    towards = direction(shot)
    plain_normals = normals(shot.form, hits.points)
    along_u = unit(np.cross(plain_normals, [0.0, 1.0, 0.0], axis=0) + 1e-9)
    along_v = np.cross(along_u, plain_normals, axis=0)
    slope_u = macro_relief(shot.form, hits.u + 0.5, hits.v)
    slope_u = slope_u - macro_relief(shot.form, hits.u - 0.5, hits.v)
    slope_v = macro_relief(shot.form, hits.u, hits.v + 0.5)
    slope_v = slope_v - macro_relief(shot.form, hits.u, hits.v - 0.5)
    bent = unit(plain_normals - slope_u * along_u - slope_v * along_v)

    facing_key = np.tensordot(towards, bent, axes=1)
    aim = surface(shot.form, np.array(shot.aim_u), np.array(shot.aim_v))
    share = _stripes(shot, hits.points, towards)
    share = share * _casts(shot, hits.points, towards, aim, step)
    amount = amount_of(shot, facing_key, -bent[1], share)

    at_aim = normals(shot.form, aim)
    usual = amount_of(shot, towards @ at_aim, -at_aim[1], np.ones(()))[1]
    gain = shot.light.exposure / max(float(usual), 0.15)

    half = unit(towards.reshape(3, *[1] * hits.u.ndim) - hits.rays)
    gloss = np.maximum(0.0, (half * bent).sum(axis=0))
    rim = 1.0 - np.clip(-(hits.rays * bent).sum(axis=0), 0.0, 1.0)
    sheen = shot.light.sheen * share * (gloss**9 + 0.35 * gloss**34) * (0.5 + 2.0 * rim**3)
    tint = np.array(shot.light.tint).reshape(3, *[1] * hits.u.ndim)
    flat_u, flat_v = np.tensordot(towards, along_u, axes=1), np.tensordot(towards, along_v, axes=1)
    weight = _FINE_RELIEF * shot.light.key * share / np.maximum(amount[1], 0.25)
    return Lit(
        log_light=np.log(np.maximum(amount * gain, 0.01) * tint),
        sheen=sheen * gain,
        plain=np.maximum(amount.mean(axis=0) * gain, 0.01),
        facing=-(hits.rays * plain_normals).sum(axis=0),
        slant_u=-weight * flat_u,
        slant_v=-weight * flat_v,
    )
