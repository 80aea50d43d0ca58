"""Masks beside photos: which pixels are valid. Ambiguous masks are errors."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Size
from mel_debug.core.types import Mask
from mel_debug.files.beside import beside
from mel_debug.files.decoding import opened
from mel_debug.files.greys import eight_bit_grey, is_deep_grey

VALID_FROM = 128
"""The least grey value and opacity of a valid pixel, half of 255; mel writes 0 and 255 only."""


def mask_path(photo: Path) -> Path:
    """The path of a photo's mask: `photo.jpg.mask.png`.

    If the photo is a link, the mask is beside the real photo. Raises MelError if it is beside the
    link only.
    """
    return beside(photo, ".mask.png")


def has_mask(photo: Path) -> bool:
    """Whether a photo has a mask. Raises MelError for a link to a missing file."""
    mask = mask_path(photo)
    # `Path` raises for a name that is too long; a photo with such a name has no mask.
    if os.path.islink(mask) and not os.path.exists(mask):  # noqa: PTH110, PTH114
        raise MelError(f"{mask} is a link to a missing file; correct it, or use `use_masks=False`")
    return os.path.lexists(mask)


def read_mask(photo: Path, size: Size) -> Mask:
    """The mask beside a photo: (height, width) bool, True where pixels are valid.

    White, opaque pixels are valid; black or transparent ones are not. Raises MelError if the size
    differs from the photo as shown, if the mask is damaged, or if it hides everything although it
    is not black: values such as 0 and 1, or dark paint on a transparent background.
    """
    path = mask_path(photo)
    with opened(path) as (image, _):
        if image.size != (size.width, size.height):
            raise MelError(
                f"{path} is {Size(*image.size)}, but {photo.name} is {size} as shown; "
                "create the mask again, or use `use_masks=False`"
            )
        image.load()
        grey, alpha = _grey_and_alpha(image, path)
        valid: Mask = np.asarray(grey) >= VALID_FROM
        if alpha is not None:
            opaque = np.asarray(alpha) >= VALID_FROM
            valid &= opaque
        if not valid.any():
            is_black = not np.asarray(image if is_deep_grey(image) else grey).any()
            if not is_black or (alpha is not None and opaque.any() and not opaque.all()):
                raise MelError(
                    f"{path} would hide the whole photo: it is dark or transparent everywhere, and "
                    "only white, opaque pixels are valid; save it in black (0) and white (255)"
                )
    return valid


def _grey_and_alpha(image: Image.Image, path: Path) -> tuple[Image.Image, Image.Image | None]:
    if is_deep_grey(image):
        return eight_bit_grey(image, path, guess=False), None
    if image.has_transparency_data:
        straight = image.convert("LA") if image.mode == "La" else image
        rgba = straight.convert("RGBA")
        return rgba.convert("L"), rgba.getchannel("A")
    return image if image.mode == "L" else image.convert("L"), None
