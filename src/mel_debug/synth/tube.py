"""The bent surface and the pinhole camera: projection from skin to picture and back.

Both directions use the same formulas, so that moles are painted exactly at their true positions.
Arrays are float64 of any one shape; lengths are millimetres, points pixels as shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .scene import Form, Shot

Array = NDArray[np.float64]


def unit(vectors: Array) -> Array:
    """Return vectors (3, ...) scaled to length 1."""
    scaled: Array = vectors / np.sqrt((vectors * vectors).sum(axis=0))
    return scaled


@lru_cache(maxsize=64)
def _arc(half_width: float, half_depth: float) -> tuple[Array, Array]:
    """Return angles round the ellipse, and the arc length from the middle line to each."""
    angles = np.linspace(-np.pi, np.pi, 8193)
    middles = 0.5 * (angles[1:] + angles[:-1])
    speed = np.hypot(half_width * np.cos(middles), half_depth * np.sin(middles))
    lengths = np.concatenate([[0.0], np.cumsum(speed * np.diff(angles))])
    return angles, lengths - lengths[len(lengths) // 2]


def _sections(form: Form, y: Array) -> tuple[Array, Array, Array, Array]:
    """Return the half axes of the section at height y, and the two offsets of its centre."""
    s = np.tanh(y / (1.5 * form.half_length)) * 1.5
    wide = np.exp(form.taper * s + form.waist * s * s)
    return (
        form.half_width * wide,
        form.half_depth * (0.5 + 0.5 * wide),
        form.bow_side * s * s,
        form.bow_depth * s * s,
    )


def surface(form: Form, u: Array, v: Array) -> Array:
    """Return the world points (3, ...) of surface points."""
    angles, lengths = _arc(form.half_width, form.half_depth)
    angle = np.interp(u, lengths, angles)
    wide, deep, side, depth = _sections(form, v)
    return np.stack([side + wide * np.sin(angle), v + 0.0 * u, depth - deep * np.cos(angle)])


def _outside(form: Form, points: Array) -> Array:
    """Return an implicit function of the body: below 0 inside, 0 on the surface.

    It is close to quadratic along any line.
    """
    wide, deep, side, depth = _sections(form, points[1])
    value: Array = ((points[0] - side) / wide) ** 2 + ((points[2] - depth) / deep) ** 2 - 1.0
    return value


def normals(form: Form, points: Array) -> Array:
    """Return outward unit normals (3, ...) at world points on the surface."""
    wide, deep, side, depth = _sections(form, points[1])
    step = np.zeros_like(points)
    step[1] = 0.05
    along = (_outside(form, points + step) - _outside(form, points - step)) / 0.1
    across = 2.0 * (points[0] - side) / wide**2
    return unit(np.stack([across, along, 2.0 * (points[2] - depth) / deep**2]))


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A pinhole camera: centre (3,), axes (3, 3) as rows right, down, forward, and focal length.

    ``focal`` and the principal point ``middle`` are in pixels.
    """

    centre: Array
    axes: Array
    focal: float
    middle: tuple[float, float]


def _turn(first: Array, second: Array, degrees: float) -> tuple[Array, Array]:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return c * first - s * second, s * first + c * second


def camera(shot: Shot) -> Camera:
    """Return the camera of a shot."""
    aim = surface(shot.form, np.array(shot.aim_u), np.array(shot.aim_v))
    forward = -normals(shot.form, aim)
    down = np.array([0.0, 1.0, 0.0])
    down = unit(down - (down @ forward) * forward)
    right = np.cross(down, forward)
    forward, right = _turn(forward, right, shot.yaw)
    forward, down = _turn(forward, down, shot.pitch)
    right, down = _turn(right, down, shot.roll)
    return Camera(
        centre=aim - shot.distance * forward,
        axes=np.stack([right, down, forward]),
        focal=shot.pixels_per_mm * shot.distance,
        middle=(shot.width / 2, shot.height / 2),
    )


def project(shot: Shot, u: Array, v: Array) -> tuple[Array, Array, Array]:
    """Return picture points x, y of surface points, and the cosine of each normal to the camera."""
    eye = camera(shot)
    points = surface(shot.form, u, v)
    rays = points - eye.centre.reshape((3,) + (1,) * (points.ndim - 1))
    in_camera = np.tensordot(eye.axes, rays, axes=1)
    facing = -(unit(rays) * normals(shot.form, points)).sum(axis=0)
    scale = eye.focal / in_camera[2]
    return eye.middle[0] + in_camera[0] * scale, eye.middle[1] + in_camera[1] * scale, facing


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Where rays meet the body. ``outside`` is below 0 for a hit; elsewhere the nearest miss."""

    points: Array
    u: Array
    v: Array
    outside: Array
    rays: Array


def unproject(
    shot: Shot,
    x: Array,
    y: Array,
    *,
    other: Form | None = None,
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Hits:
    """Return the surface points visible at picture points.

    With ``other``, those of that form, whose origin is at ``offset``; points are in its own frame.
    Along a ray ``_outside`` is nearly a parabola: its minimum separates hits from misses, and its
    first root, refined by Newton's method, is the surface.
    """
    eye, form = camera(shot), other or shot.form
    across, down = (x - eye.middle[0]) / eye.focal, (y - eye.middle[1]) / eye.focal
    rays = unit(np.tensordot(eye.axes.T, np.stack([across, down, np.ones_like(x)]), axes=1))
    start = (eye.centre - np.array(offset)).reshape((3,) + (1,) * x.ndim)

    def height(t: Array) -> Array:
        return _outside(form, start + t * rays)

    t = np.full(x.shape, shot.distance + shot.form.half_depth)
    lowest = curve = np.zeros_like(t)
    for reach in (form.half_depth, 0.3 * form.half_depth, 0.1 * form.half_depth):
        before, lowest, after = height(t - reach), height(t), height(t + reach)
        curve = np.maximum((before - 2.0 * lowest + after) / reach**2, 1e-9)
        shift = (after - before) / (2.0 * reach * curve)
        t = t - np.clip(shift, -3.0 * form.half_depth, 3.0 * form.half_depth)
    lowest = height(t)
    t = t - np.sqrt(np.maximum(-lowest, 0.0) * 2.0 / curve)
    inside = lowest < -1e-4
    for _ in range(5):
        slope = (height(t + 0.01) - height(t - 0.01)) / 0.02
        step = height(t) / np.where(np.abs(slope) < 1e-7, -1e-7, slope)
        t = t - np.where(inside, np.clip(step, -20.0, 20.0), 0.0)
    points = start + t * rays
    wide, deep, side, depth = _sections(form, points[1])
    angle = np.arctan2((points[0] - side) / wide, (depth - points[2]) / deep)
    angles, lengths = _arc(form.half_width, form.half_depth)
    return Hits(points, np.interp(angle, angles, lengths), points[1], lowest, rays)
