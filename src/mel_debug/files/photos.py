"""Reading photos as a person sees them: EXIF rotation applied, RGB, with the mask beside them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from mel_debug.core.errors import MelError, UsageError
from mel_debug.core.geometry import Size
from mel_debug.core.types import Mask, Photo
from mel_debug.files.digest import file_digest

SIDEWAYS = {5, 6, 7, 8}
"""EXIF orientations that swap width and height (EXIF 2.3, tag 0x0112)."""

# Phones take photos of 200 MP; Pillow refuses from twice its limit of 89 MP on.
Image.MAX_IMAGE_PIXELS = 250_000_000

MASK_KEEPS_FROM = 128
"""A mask's grey value from which a pixel is kept; mel writes 0 and 255 only."""


def mask_path(photo: Path) -> Path:
    """Where the mask of a photo lives: `photo.jpg.mask.png`."""
    return photo.with_name(photo.name + ".mask.png")


def read_photo(path: Path, *, use_mask: bool = True) -> Photo:
    """Open a photo; its header is read now, its pixels and mask when they are first needed.

    Raises UsageError when the file is missing and MelError when it is no photo.
    """
    with _opened(path) as image:
        size = _shown_size(image)

    def load_mask() -> Mask | None:
        mask = mask_path(path)
        return _read_mask(mask, path, size) if use_mask and mask.exists() else None

    def key() -> str:
        mask = mask_path(path)
        masked_by = file_digest(mask) if use_mask and mask.exists() else "nothing"
        return f"{file_digest(path)} masked by {masked_by}"

    return Photo(str(path), size, lambda: _read_pixels(path), load_mask, key)


def as_shown(image: Image.Image) -> Photo:
    """A Pillow image as a photo, EXIF rotation applied, without a mask."""
    turned = ImageOps.exif_transpose(image)
    return Photo.of(np.asarray(_as_rgb(turned, Path("image"))), name="image")


def _shown_size(image: Image.Image) -> Size:
    if image.format == "TIFF":  # Pillow turns TIFFs itself
        return Size(*ImageOps.exif_transpose(image).size)
    width, height = image.size
    if image.getexif().get(ExifTags.Base.Orientation) in SIDEWAYS:
        width, height = height, width
    return Size(width, height)


def _read_pixels(path: Path) -> Image.Image:
    with _opened(path) as image:
        ImageOps.exif_transpose(image, in_place=True)
        image.load()
        return _as_rgb(image, path)


def _as_rgb(image: Image.Image, path: Path) -> Image.Image:
    """Any mode as 8-bit RGB; see-through parts become white, as most viewers show them."""
    if image.mode == "F":
        raise MelError(
            f"{path}: floating-point pixels have no fixed range; save it with 8 or 16 bit"
        )
    if image.mode.startswith("I"):
        return Image.fromarray(_eight_bit(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _eight_bit(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    """16-bit grey as 8-bit: 65535 / 257 = 255. Pillow's own conversion would clip instead."""
    eight: NDArray[np.uint8] = (np.clip(grey, 0, 65535).astype(np.uint32) // 257).astype(np.uint8)
    return eight


def _read_mask(mask: Path, photo: Path, size: Size) -> Mask:
    with _opened(mask) as image:
        if image.size != (size.width, size.height):
            raise MelError(
                f"{mask} is {Size(*image.size)}, but {photo.name} is {size} as shown; "
                "make the mask anew, or use `use_masks=False`"
            )
        grey = image if image.mode == "L" else image.convert("L")
        kept: Mask = np.asarray(grey) >= MASK_KEEPS_FROM
        return kept


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The image with its header read, its pixels not yet; what Pillow raises becomes MelError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                yield image
    except MelError:
        raise
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist") from error
    except Image.DecompressionBombError as error:
        raise MelError(f"{path} is too large to be a photo: {error}") from error
    except UnidentifiedImageError as error:
        raise MelError(f"{path} is not a photo that can be read ({error})") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise MelError(f"{path} is damaged or cut short ({error})") from error
