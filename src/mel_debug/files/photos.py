"""Reading photos as a person sees them: turned upright, sRGB, with the mask beside them."""

from pathlib import Path

import numpy as np
from PIL import Image

from mel_debug.core.errors import MelError, kind_and_text
from mel_debug.core.geometry import Size
from mel_debug.core.types import Mask, Photo
from mel_debug.files.colour import as_srgb
from mel_debug.files.cut_short import decode
from mel_debug.files.decoding import Source, opened
from mel_debug.files.digest import file_digest
from mel_debug.files.formats import HOLD_DECODER
from mel_debug.files.greys import check_deep_colours, has_deep_colours, is_deep_grey
from mel_debug.files.masks import has_mask, mask_path, read_mask
from mel_debug.files.orientation import SIDEWAYS, TURNS, orientation_in_memory, orientation_of

__all__ = ["as_shown", "mask_path", "read_photo"]

_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257


def read_photo(path: Path, *, use_mask: bool = True) -> Photo:
    """Open a photo; its header is read now, its pixels and mask when they are first needed.

    Decoding takes at most 4.5 times the memory of the (height, width, 3) pixels, 7 times for WebP
    and JPEG 2000. A MelWarning is issued when pixels are read that differ from what the file
    was meant to hold: see `cut_short.decode` and `colour.as_srgb`.

    Raises UsageError if the file is missing or no regular file, and MelError if it is no photo, has
    more pixels than `limits.max_pixels`, or is damaged; pixels and mask raise MelError later.
    """
    with opened(path) as (image, source):
        size = _shown_size(image, source)

    def load_mask() -> Mask | None:
        return read_mask(path, size) if use_mask and has_mask(path) else None

    def key() -> str:
        masked_by = file_digest(mask_path(path)) if use_mask and has_mask(path) else "nothing"
        return f"{file_digest(path)} masked by {masked_by}"

    return Photo(str(path), size, lambda: _read_pixels(path, size), load_mask, key)


def as_shown(image: Image.Image) -> Photo:
    """A Pillow image as a photo: EXIF rotation and colour profile applied, without a mask.

    The image is left as it is, but decoded. Raises MelError for one that can't be decoded or has
    pixels that can't be shown, ValueError for one without pixels.
    """
    path = Path("image")
    deep = has_deep_colours(image)
    try:
        image.load()
    except Exception as error:  # decoders raise what they like
        raise MelError(f"the image can't be decoded: {kind_and_text(error)}") from error
    if deep:
        check_deep_colours(image, path)
    # A copy does not tell the format that it was read from, which says what is white.
    shown = as_srgb(image if is_deep_grey(image) else image.copy(), path)
    turn = TURNS.get(orientation_in_memory(image))
    return Photo.of(
        np.asarray(shown.transpose(turn) if turn is not None else shown), name=str(path)
    )


def _shown_size(image: Image.Image, source: Source) -> Size:
    width, height = image.size
    if image.format == "TIFF":  # some releases of Pillow give the size after turning it
        tags = image.tag_v2  # type: ignore[attr-defined] # of TIFFs only
        width, height = tags[_TIFF_WIDTH], tags[_TIFF_HEIGHT]
    if orientation_of(image, source) in SIDEWAYS:
        width, height = height, width
    return Size(width, height)


def _read_pixels(path: Path, size: Size) -> Image.Image:
    """The photo as an image in mode RGB that refers to no file and no decoder."""
    with opened(path) as (image, source):
        turn = None if image.format == "TIFF" else TURNS.get(orientation_of(image, source))
        deep = has_deep_colours(image)
        decode(image, source, path)
        if deep:
            check_deep_colours(image, path)
        shown = as_srgb(image, path)
        if shown is not image:
            image.close()
        if turn is not None:
            shown = shown.transpose(turn)
        elif shown is image and image.format in HOLD_DECODER:
            shown = image.copy()
        if shown.size != (size.width, size.height):
            raise OSError(f"it has {Size(*shown.size)} pixels, not {size}")
        return shown
