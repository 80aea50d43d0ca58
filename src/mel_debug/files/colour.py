"""Conversion to sRGB: embedded profiles are applied, transparent pixels become white."""

import functools
import io
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageChops

from mel_debug.core.errors import warn
from mel_debug.core.images import ROWS_AT_ONCE
from mel_debug.files.greys import eight_bit_grey, is_deep_grey

if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsTransform

ALREADY_SRGB = 2
"""Levels by which a profile may differ from sRGB and still be treated as sRGB. Measured: copies
of sRGB from various makers differ by 1 or 2, Display P3 by up to 80."""

_LATTICE = range(0, 256, 15)
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
"""Pillow's mode for each colour space of a profile (ICC.1, 7.2.6) that can be applied."""

_PROFILES_CACHED = 16


def as_srgb(image: Image.Image, path: Path) -> Image.Image:
    """A decoded image of any mode as 8-bit sRGB, in mode RGB; the image is not usable afterwards.

    Transparent pixels become white, as in most viewers. Issues a MelWarning for a colour profile
    that can't be applied, and for grey values of more than 8 bits without a stated range. Raises
    MelError for values without a brightness; see `greys.eight_bit_grey`.
    """
    profile = image.info.get("icc_profile")
    if is_deep_grey(image):
        image = eight_bit_grey(image, path)
    elif image.has_transparency_data:
        image = _on_white(image)
    elif image.mode == "LAB":
        return _from_lab(image)
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGB")
    if isinstance(profile, bytes) and profile:
        image = _converted(image, profile, path)
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    """Paste on white, a few rows at a time, as copies of a large photo take too much memory."""
    shown = Image.new("RGB", image.size, "white")
    for top in range(0, image.height, ROWS_AT_ONCE):
        rows = image.crop((0, top, image.width, min(top + ROWS_AT_ONCE, image.height)))
        if rows.mode == "La":
            rows = rows.convert("LA")
        rows = rows.convert("RGBA")
        shown.paste(rows.convert("RGB"), (0, top), rows.getchannel("A"))
    return shown


def _converted(image: Image.Image, profile: bytes, path: Path) -> Image.Image:
    """The image with its profile applied, or unchanged, with a MelWarning, if that fails."""
    from PIL import ImageCms

    try:
        space, transform = _transform_of(profile)
        # Many programs leave the RGB profile in a photo that they convert to grey.
        if space == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        if transform is None:
            return image
        if image.mode != space:
            warn(f"{path}: its colour profile is for {space} pixels, not {image.mode}: ignored")
            return image
        if space == "RGB":
            ImageCms.applyTransform(image, transform, inPlace=True)
            return image
        converted = ImageCms.applyTransform(image, transform)
        return image if converted is None else converted
    except (MemoryError, Warning):
        raise
    except Exception:  # noqa: BLE001 - Pillow raises various errors for a damaged profile
        warn(f"{path}: its colour profile can't be used and is ignored")
        return image


@functools.lru_cache(_PROFILES_CACHED)
def _transform_of(profile: bytes) -> "tuple[str, ImageCmsTransform | None]":
    """The Pillow mode of a profile, and its transform to sRGB; None if it is sRGB already.

    Several threads can use a transform at once. Raises whatever Pillow raises for a bad profile.
    """
    from PIL import ImageCms

    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    mode = _MODES[opened.profile.xcolor_space.strip()]
    # Viewers map white to white; CMYK profiles have a perceptual table for photos.
    intent = ImageCms.Intent.PERCEPTUAL if mode == "CMYK" else ImageCms.Intent.RELATIVE_COLORIMETRIC
    transform = ImageCms.buildTransform(
        opened, ImageCms.createProfile("sRGB"), mode, "RGB", renderingIntent=intent
    )
    if mode == "RGB":
        lattice = _lattice()
        moved = ImageChops.difference(lattice, _applied(lattice, transform))
        if max(int(high) for _, high in moved.getextrema()) <= ALREADY_SRGB:  # type: ignore[misc]
            return mode, None
    return mode, transform


def _applied(image: Image.Image, transform: "ImageCmsTransform") -> Image.Image:
    from PIL import ImageCms

    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # noqa: S101 - None is returned with inPlace only
    return converted


def _lattice() -> Image.Image:
    """Pixels with evenly spaced colours of the whole RGB cube."""
    colours = bytes(value for colour in product(_LATTICE, repeat=3) for value in colour)
    return Image.frombytes("RGB", (len(colours) // 3, 1), colours)


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    transform = ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
    )
    return _applied(image, transform)
