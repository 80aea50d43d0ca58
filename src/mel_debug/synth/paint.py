"""The full-size picture, painted strip by strip from the coarse lattice.

Strips bound the memory: a 12-megapixel photo needs little more than its own pixels and mask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from . import lattice as at
from .colour import BLOOD, MELANIN
from .develop import BRIGHTEST, tone_table
from .lattice import Lattice
from .scene import Shot, Skin
from .spots import REACH, SIDE, Spots
from .strips import each
from .texture import Tile, level_for, skin_tiles
from .tube import project

if TYPE_CHECKING:
    from torch import Tensor

_ROWS = 128  # a multiple of every lattice step
_GRAINY = 14  # width in pixels from which a spot's pigment shows the texture of the skin
_TEXTURE = (0.7, 1.0, 1.35)  # strength of the albedo texture in red, green, blue


def _interpolated(lattice: Lattice, top: int, rows: int, width: int) -> Tensor:
    """Return the lattice planes (COUNT, rows, width) at the pixel centres of a strip."""
    import torch
    from torch.nn.functional import interpolate

    step = lattice.step
    first, count = top // step, -(-rows // step)
    part = torch.from_numpy(lattice.planes[None, :, first : first + count + 2])
    full = interpolate(part, scale_factor=step, mode="bilinear", align_corners=False)
    return full[0, :, step : step + rows, step : step + width]


def _texture(tile: Tile, planes: Tensor, relief: float) -> Tensor:
    """Return the change of log light (rows, width) by a tile's albedo and by its lit relief."""
    import torch
    from torch.nn.functional import grid_sample

    c, s = float(np.cos(tile.angle)), float(np.sin(tile.angle))
    u, v = planes[at.U], planes[at.V]
    column, row = (c * u + s * v) / tile.millimetres, (c * v - s * u) / tile.millimetres
    where = torch.stack([column - column.floor(), row - row.floor()], dim=-1) * 2 - 1
    field = torch.from_numpy(tile.planes)[None]
    sampled = grid_sample(field, where[None], padding_mode="border", align_corners=True)[0]
    slant_u, slant_v = planes[at.SLANT_U], planes[at.SLANT_V]
    slopes = sampled[1] * (c * slant_u + s * slant_v) + sampled[2] * (c * slant_v - s * slant_u)
    return sampled[0] + relief * slopes


def _boxes(shot: Shot, spots: Spots) -> NDArray[np.int64]:
    """Return the boxes (n, 4) of spots as left, top, right, bottom; empty if out of view."""
    reach = REACH * spots.radius * np.sqrt(spots.aspect)
    x, y, facing = project(shot, spots.u, spots.v)
    half = np.zeros_like(x)
    for turn in np.arange(8) * (np.pi / 4):
        far_x, far_y, _ = project(
            shot, spots.u + reach * np.cos(turn), spots.v + reach * np.sin(turn)
        )
        half = np.maximum(half, np.hypot(far_x - x, far_y - y))
    half = half * 1.05 + 1.0
    low, high = np.zeros(2), np.array([shot.width, shot.height])
    centre = np.stack([x, y], axis=1)
    start = np.clip(np.floor(centre - half[:, None]), low, high)
    end = np.clip(np.ceil(centre + half[:, None]), low, high)
    end = np.where(((facing > 0.08) & (half > 1.35))[:, None], end, start)
    return np.concatenate([start, end], axis=1).astype(np.int64)


def _pigment(
    spots: Spots, boxes: NDArray[np.int64], top: int, planes: Tensor, grain: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return optical depths of melanin and blood and log light of raised moles, (rows, width)."""
    import torch
    from torch.nn.functional import grid_sample

    rows, width = grain.shape
    melanin, blood, raised = torch.zeros(3, rows, width)
    reached = (boxes[:, 1] < top + rows) & (boxes[:, 3] > top) & (boxes[:, 0] < boxes[:, 2])
    for i in np.flatnonzero(reached):
        left, first, right, last = (int(n) for n in boxes[i])
        window = (slice(max(first - top, 0), min(last - top, rows)), slice(left, right))
        u = planes[at.U][window] - float(spots.u[i])
        v = planes[at.V][window] - float(spots.v[i])
        c, s = float(np.cos(spots.angle[i])), float(np.sin(spots.angle[i]))
        long, stamp = float(np.sqrt(spots.aspect[i])), spots.stamps[i]
        scale = stamp.radius / float(spots.radius[i])
        x = (c * u + s * v) * (scale / long) + stamp.centre[0]
        y = (c * v - s * u) * (scale * long) + stamp.centre[1]
        where = torch.stack([x, y], dim=-1)[None] / REACH
        field = torch.from_numpy(stamp.pigment)[None, None]
        if spots.relief[i] > 0:
            slope = np.gradient(stamp.pigment, 2 * REACH / SIDE)
            field = torch.from_numpy(np.stack([stamp.pigment, slope[1], slope[0]]))[None]
        found = grid_sample(field, where, align_corners=False)[0]
        pigment = found[0]
        if right - left > _GRAINY:
            # Pigment follows the fine texture of the skin, so its edge is irregular.
            pigment = pigment * (1.0 - 4.5 * grain[window] * (1.2 - pigment)).clamp(0.4, 1.6)
        melanin[window] += pigment * float(spots.melanin[i])
        blood[window] += pigment * float(spots.blood[i])
        if spots.relief[i] > 0:
            slant_u, slant_v = planes[at.SLANT_U][window], planes[at.SLANT_V][window]
            slope_u = c * found[1] / long - s * found[2] * long
            slope_v = s * found[1] / long + c * found[2] * long
            push = slope_u * slant_u + slope_v * slant_v
            raised[window] += push * (9.0 * float(spots.relief[i]))
    return melanin, blood, raised


def _fabric(shot: Shot, planes: Tensor) -> Tensor:
    """Return light (rows, width) on cloth: folds, the hem, and the weave if it is resolved."""
    import torch

    deep = planes[at.CLOTH] / shot.pixels_per_mm
    hem = 1.0 - 0.12 * torch.exp(-(((deep - 3.0) / 0.5) ** 2)) - 0.25 * torch.exp(-deep.abs() / 0.7)
    fine = min(1.0, max(0.0, (shot.pixels_per_mm - 4.0) / 4.0))
    threads = 2 * np.pi / 0.55
    weave = torch.sin(planes[at.U] * threads) * torch.sin(planes[at.V] * threads)
    return planes[at.FOLD] * hem * (1.0 + 0.05 * fine * weave)


def _skin_texture(skin: Skin, tiles: tuple[Tile, Tile], planes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the fine texture, and the whole texture, which fades at oblique angles."""
    grain = _texture(tiles[0], planes, skin.relief)
    wide = _texture(tiles[1], planes, skin.relief)
    return grain, (grain + wide) * (planes[at.FADE] * skin.mottle)


def _hair_shade(skin: Skin, cover: NDArray[np.float32]) -> Tensor:
    """Return the factor (rows, width) of hair on light; above 1 for bright hair."""
    import torch

    return 1.0 - torch.from_numpy(cover).clamp(-0.6, 0.9) * (0.25 + 0.65 * skin.hair_dark)


def _skin_light(
    channel: int, planes: Tensor, texture: Tensor, depths: tuple[Tensor, Tensor, Tensor]
) -> Tensor:
    """Return the linear light (rows, width) that skin reflects in one colour."""
    melanin, blood, raised = depths
    log_light = planes[at.LIGHT + channel] + texture * _TEXTURE[channel] + raised
    log_light -= melanin * float(MELANIN[channel]) + blood * float(BLOOD[channel])
    return log_light.exp_()


def _toned(light: Tensor) -> NDArray[np.uint8]:
    """Return 8-bit sRGB (rows, width) of linear light."""
    import torch

    table = tone_table()
    index = (light.clamp(0, BRIGHTEST) / BRIGHTEST).sqrt_() * (len(table) - 1) + 0.5
    toned: NDArray[np.uint8] = table[index.to(torch.int32).numpy()]
    return toned


def paint(
    skin: Skin, shot: Shot, lattice: Lattice, spots: Spots, hair: NDArray[np.float32] | None
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return pixels (H, W, 3) uint8 before blur and noise, and the mask (H, W) of bare skin."""
    tiles = skin_tiles(skin.seed, level_for(shot.pixels_per_mm))
    boxes = _boxes(shot, spots)
    pixels = np.empty((shot.height, shot.width, 3), np.uint8)
    mask = np.empty((shot.height, shot.width), np.bool_)

    def strip(top: int) -> None:
        rows = slice(top, min(top + _ROWS, shot.height))
        planes = _interpolated(lattice, top, rows.stop - top, shot.width)
        grain, texture = _skin_texture(skin, tiles, planes)
        depths = _pigment(spots, boxes, top, planes, grain)
        body = (planes[at.EDGE] + 0.5).clamp(0, 1)
        cloth = (planes[at.CLOTH] + 0.5).clamp(0, 1)
        mask[rows] = ((body > 0.5) & (cloth < 0.5)).numpy()
        cover = None if hair is None else _hair_shade(skin, hair[rows])
        gloss = planes[at.SHEEN] * (1.0 + 9.0 * texture)
        worn = lattice.cloth_colour if bool(cloth.any()) else None
        fabric = body if worn is None else _fabric(shot, planes)
        roomy = bool((body < 1).any())
        for channel in range(3):
            light = _skin_light(channel, planes, texture, depths) + gloss
            if cover is not None:
                light *= cover
            if worn is not None:
                light = light.lerp(fabric * worn[channel], cloth)
            if roomy:
                light = planes[at.BACK + channel].lerp(light, body)
            pixels[rows, :, channel] = _toned(light)

    each(strip, range(0, shot.height, _ROWS))
    return pixels, mask
