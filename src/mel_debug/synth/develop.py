"""The camera model: defocus, sensor noise, tone curve and JPEG."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from .scene import Optics
from .strips import each

Pixels = NDArray[np.uint8]

_TABLE = 4096
_ROWS = 256
_SHARP = 0.2  # blur below this many pixels is invisible and skipped
BRIGHTEST = 2.5  # linear light at the end of the table


@lru_cache(maxsize=1)
def tone_table() -> Pixels:
    """Return 8-bit sRGB for linear light ``BRIGHTEST * (i / (len - 1)) ** 2``.

    Highlights roll off softly, as in a camera's own JPEG.
    """
    linear = BRIGHTEST * (np.arange(_TABLE) / (_TABLE - 1)) ** 2
    rolled = linear / (1.0 + linear**5) ** 0.2
    srgb = np.where(
        rolled <= 0.0031308, 12.92 * rolled, 1.055 * np.maximum(rolled, 1e-6) ** (1 / 2.4) - 0.055
    )
    table: Pixels = np.round(255.0 * srgb).astype(np.uint8)
    return table


def _grain(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float32]:
    """Return noise of unit std, slightly correlated as after a camera's own filter."""
    white = rng.standard_normal((rows + 1, columns + 1), dtype=np.float32)
    white[:-1] += white[1:]
    white[:, :-1] += white[:, 1:]
    return white[:-1, :-1] * np.float32(0.5)


def _add_noise(strip: Pixels, optics: Optics, top: int) -> None:
    """Add sensor noise in place: strongest in the shade, and part of it in colour."""
    rng = np.random.default_rng([optics.seed, 51, top])
    count, width = strip.shape[:2]
    # Standard deviation by level, in 8-bit steps: shot noise after the tone curve.
    level = np.arange(256) / 255.0
    spread = (optics.noise * 255.0 * (1.25 - 0.7 * level)).astype(np.float32)
    amount = spread[strip[..., 1]]
    luma = _grain(rng, count, width) * np.float32(0.9)
    half = (count + 1) // 2, (width + 1) // 2
    for channel, share in ((0, 0.45), (1, 0.15), (2, 0.75)):
        colour = rng.standard_normal(half, dtype=np.float32) * np.float32(share)
        full = colour.repeat(2, axis=0).repeat(2, axis=1)[:count, :width]
        noisy = (luma + full) * amount + strip[..., channel]
        strip[..., channel] = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def expose(pixels: Pixels, optics: Optics) -> Pixels:
    """Return sharp, clean pixels (H, W, 3) with the blur and the noise of the optics."""
    from PIL import Image, ImageFilter

    height = pixels.shape[0]
    exposed = np.empty_like(pixels)
    halo = int(np.ceil(6.0 * optics.blur)) + 2

    def strip(top: int) -> None:
        end, first = min(top + _ROWS, height), max(top - halo, 0)
        part = pixels[first : end + halo]
        if optics.blur >= _SHARP:
            picture = Image.fromarray(part)
            part = np.asarray(picture.filter(ImageFilter.GaussianBlur(optics.blur)))
        exposed[top:end] = part[top - first : end - first]
        if optics.noise > 0.0:
            _add_noise(exposed[top:end], optics, top)

    each(strip, range(0, height, _ROWS))
    return exposed


_STORED = {  # EXIF orientation -> Pillow's transpose from the picture as shown to the stored one
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_90",
    7: "TRANSVERSE",
    8: "ROTATE_270",
}


def jpeg_bytes(pixels: Pixels, *, quality: int = 92, orientation: int = 1) -> bytes:
    """Return a JPEG file that shows these pixels (H, W, 3) once its EXIF rotation is applied."""
    from PIL import Image

    picture = Image.fromarray(pixels)
    if orientation in _STORED:
        picture = picture.transpose(Image.Transpose[_STORED[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = BytesIO()
    subsampling = "4:4:4" if quality >= 95 else "4:2:0"
    picture.save(buffer, "JPEG", quality=quality, subsampling=subsampling, exif=exif)
    return buffer.getvalue()
