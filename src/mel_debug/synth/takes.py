"""Random shots: a plain first one, and later ones that differ from it by difficulty."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .scene import Form, Light, Optics, Shot, Skin


def first_shot(rng: np.random.Generator, skin: Skin, form: Form, megapixels: float) -> Shot:
    """Draw a well-lit, sharp, frontal shot of a body part."""
    short, long = 3, 4
    unit = np.sqrt(megapixels * 1e6 / (short * long))
    width, height = round(short * unit), round(long * unit)
    across = form.half_width * float(rng.uniform(1.25, 1.9))
    return Shot(
        width=width,
        height=height,
        form=form,
        pixels_per_mm=width / across,
        distance=across * float(rng.uniform(2.2, 3.2)),
        aim_u=float(rng.uniform(-0.4, 0.4)) * form.half_width,
        aim_v=float(rng.uniform(-0.15, 0.15)) * form.half_length,
        yaw=float(rng.uniform(-8, 8)),
        pitch=float(rng.uniform(-6, 6)),
        roll=float(rng.uniform(-6, 6)),
        light=Light(
            azimuth=float(rng.uniform(-170, -10)),
            elevation=float(rng.uniform(28, 60)),
            key=float(rng.uniform(0.35, 0.75)),
            exposure=_exposure(skin) * float(rng.uniform(0.92, 1.08)),
            sheen=float(rng.uniform(0.015, 0.07)),
        ),
        optics=Optics(
            blur=float(rng.uniform(0.5, 0.8)),
            noise=float(rng.uniform(0.004, 0.008)),
            jpeg_quality=int(rng.integers(90, 96)),
            orientation=int(rng.choice([1, 1, 6, 8, 3])),
            seed=int(rng.integers(2**31)),
        ),
        clothes=int(rng.integers(2**31)) if rng.random() < 0.75 else None,
        room=int(rng.integers(2**31)),
    )


def _exposure(skin: Skin) -> float:
    """Return the exposure: cameras brighten dark skin and darken light skin, but only in part."""
    reflected = ((skin.lab[0] + 16) / 116) ** 3
    return 1.1 * float((0.30 / reflected) ** 0.30)


def retake(
    rng: np.random.Generator,
    first: Shot,
    difficulty: float,
    rotation: float | None,
    scale: float | None,
) -> Shot:
    """Draw a shot of the same part in a later session; ``rotation`` and ``scale`` may be fixed."""
    d = difficulty

    def swing(width: float) -> float:
        return float(rng.uniform(-width, width)) * d

    turn = float(rng.normal(0.0, 4.0 + 40.0 * d**2)) * min(1.0, 4.0 * d)
    zoom = float(np.exp(rng.uniform(-0.6, 0.6) * d))
    form = replace(
        first.form,
        half_depth=first.form.half_depth * float(np.exp(swing(0.18))),
        taper=float(np.clip(first.form.taper + swing(0.12), -1, 1)),
        bow_side=first.form.bow_side + swing(0.12) * first.form.half_width,
        bow_depth=first.form.bow_depth + swing(0.25) * first.form.half_width,
    )
    light = first.light
    cast = 1.0 + rng.uniform(-0.12, 0.12, 3) * d
    light = replace(
        light,
        azimuth=light.azimuth + swing(150.0),
        elevation=float(np.clip(light.elevation + swing(25.0), 15, 80)),
        key=float(np.clip(light.key + swing(0.25), 0.2, 0.85)),
        exposure=light.exposure * float(np.exp(swing(0.3))),
        sheen=float(np.clip(light.sheen * np.exp(swing(0.9)), 0.005, 0.2)),
        stripes=float(rng.uniform(0.3, 0.9)) * d**0.5 if rng.random() < 0.4 * d else 0.0,
        stripe_mm=float(rng.uniform(0.15, 0.45)) * first.form.half_width,
        stripe_angle=float(rng.uniform(-40, 40)),
        tint=(float(cast[0]), float(cast[1]), float(cast[2])),
    )
    grow = np.sqrt(first.width * first.height / 12e6)
    optics = replace(
        first.optics,
        blur=first.optics.blur + float(rng.gamma(2.0, 0.8)) * d * max(0.35, float(grow)),
        noise=first.optics.noise * (1.0 + 2.5 * d * float(rng.random())),
        jpeg_quality=int(np.clip(first.optics.jpeg_quality - rng.integers(0, 30) * d, 55, 97)),
        orientation=int(rng.choice([1, 1, 6, 8, 3])),
        seed=int(rng.integers(2**31)),
    )
    other_clothes = int(rng.integers(2**31)) if rng.random() < 0.8 else None
    return replace(
        first,
        form=form,
        pixels_per_mm=first.pixels_per_mm * (zoom if scale is None else scale),
        distance=first.distance * float(np.exp(swing(0.25))),
        aim_u=first.aim_u + swing(0.18) * first.form.half_width,
        aim_v=first.aim_v + swing(0.18) * first.form.half_width,
        yaw=float(np.clip(first.yaw + swing(32.0), -60, 60)),
        pitch=float(np.clip(first.pitch + swing(28.0), -60, 60)),
        roll=first.roll + (turn if rotation is None else rotation),
        light=light,
        optics=optics,
        clothes=other_clothes if rng.random() < d else first.clothes,
        room=int(rng.integers(2**31)) if rng.random() < d else first.room,
    )
