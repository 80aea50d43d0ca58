"""Masks beside photos: which pixels count. Whatever leaves that open is refused, never guessed."""

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

KEPT_FROM = 128
"""The grey value, and the opacity, from which a pixel is kept; mel writes grey 0 and 255 only."""


def mask_path(photo: Path) -> Path:
    """Where the mask of a photo lives: `photo.jpg.mask.png`.

    Of a photo that is a link, beside the real photo. Raises MelError if a mask lies beside the link
    only.
    """
    return beside(photo, ".mask.png")


def has_mask(photo: Path) -> bool:
    """Whether there is a mask beside a photo. Raises MelError for a link that leads nowhere."""
    mask = mask_path(photo)
    # `Path` raises for a name that is too long; a photo with such a name has no mask.
    if os.path.islink(mask) and not os.path.exists(mask):  # noqa: PTH110, PTH114
        raise MelError(f"{mask} is a link that leads nowhere; mend it, or use `use_masks=False`")
    return os.path.lexists(mask)


def read_mask(photo: Path, size: Size) -> Mask:
    """The mask beside a photo: (height, width) bool, True where the photo counts.

    White and opaque is kept; black or see-through is not. Raises MelError for a mask of another
    size than the photo as shown, one that is damaged, and one that hides everything although it is
    not black: dark values such as 0 and 1, or paint on a see-through ground.
    """
    path = mask_path(photo)
    with opened(path) as (image, _):
        if image.size != (size.width, size.height):
            raise MelError(
                f"{path} is {Size(*image.size)}, but {photo.name} is {size} as shown; "
                "make the mask anew, or use `use_masks=False`"
            )
        image.load()
        grey, alpha = _grey_and_alpha(image, path)
        kept: Mask = np.asarray(grey) >= KEPT_FROM
        if alpha is not None:
            opaque = np.asarray(alpha) >= KEPT_FROM
            kept &= opaque
        if not kept.any():
            is_black = not np.asarray(image if is_deep_grey(image) else grey).any()
            if not is_black or (alpha is not None and opaque.any() and not opaque.all()):
                raise MelError(
                    f"{path} would hide everything: white and opaque keeps, black or see-through "
                    "hides, and it is dark throughout; save it in black (0) and white (255)"
                )
    return kept


def _grey_and_alpha(image: Image.Image, path: Path) -> tuple[Image.Image, Image.Image | None]:
    if is_deep_grey(image):
        return eight_bit_grey(image, path, guess=False), None
    if image.has_transparency_data:
        straight = image.convert("LA") if image.mode == "La" else image
        rgba = straight.convert("RGBA")
        return rgba.convert("L"), rgba.getchannel("A")
    return image if image.mode == "L" else image.convert("L"), None
