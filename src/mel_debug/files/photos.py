"""Reading photos as viewers show them: EXIF rotation applied, in sRGB, with their masks."""

from pathlib import Path

import numpy as np
from PIL import Image

from mel_debug.core.errors import MelError, MelWarning, kind_and_text
from mel_debug.core.geometry import Size
from mel_debug.core.limits import too_large
from mel_debug.core.types import Mask, Photo
from mel_debug.files.colour import as_srgb
from mel_debug.files.cut_short import decode
from mel_debug.files.decoding import Source, opened, silence_pillow
from mel_debug.files.digest import file_digest
from mel_debug.files.formats import HOLD_DECODER
from mel_debug.files.greys import check_deep_colours, has_deep_colours, is_deep_grey
from mel_debug.files.masks import has_mask, mask_path, read_mask
from mel_debug.files.orientation import SIDEWAYS, TURNS, orientation_in_memory, orientation_of

__all__ = ["mask_path", "photo_of_image", "read_photo"]

_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257


def read_photo(path: Path, *, use_mask: bool = True) -> Photo:
    """Open a photo: its header is read now, its pixels and mask on first use.

    Decoding takes up to 4.5 times the memory of the (height, width, 3) pixels, and up to 7 times
    for WebP and JPEG 2000 (measured). Issues a MelWarning on decoding if pixels are missing or
    colours uncertain; see `cut_short.decode` and `colour.as_srgb`.

    Raises UsageError if the file is missing or not a regular file, and MelError if it is not a
    photo, has more pixels than `limits.max_pixels`, or is damaged; decoding raises MelError later.
    """
    with opened(path) as (image, source):
        size = _shown_size(image, source)

    def load_mask() -> Mask | None:
        return read_mask(path, size) if use_mask and has_mask(path) else None

    def key() -> str:
        masked_by = file_digest(mask_path(path)) if use_mask and has_mask(path) else "nothing"
        return f"{file_digest(path)} masked by {masked_by}"

    return Photo(str(path), size, lambda: _read_pixels(path, size), load_mask, key)


def photo_of_image(image: Image.Image, name: str) -> Photo:
    """A Pillow image as a photo without a mask: EXIF rotation and colour profile are applied.

    The image itself does not change. `name` is for messages, unless the image has a file name.
    Raises MelError for an image that is damaged or closed, or has more pixels than
    `limits.max_pixels`, and as `colour.as_srgb` does.
    """
    name = str(getattr(image, "filename", "") or name)
    reason = too_large(*image.size)
    if reason is not None:
        raise MelError(f"{name} {reason}")
    silence_pillow()
    try:
        deep = has_deep_colours(image)
        image.load()
        if deep:
            check_deep_colours(image, Path(name))
        # A copy has no format, by which the range of deep greys is known.
        shown = as_srgb(image if is_deep_grey(image) else image.copy(), Path(name))
        turn = TURNS.get(orientation_in_memory(image))
        pixels = np.asarray(shown if turn is None else shown.transpose(turn))
        return Photo.of(pixels, name=name)
    except (MelError, MemoryError, MelWarning):
        raise
    except Exception as error:  # Pillow raises various errors for damaged files
        raise MelError(f"{name} can't be read ({kind_and_text(error)})") from error


def _shown_size(image: Image.Image, source: Source) -> Size:
    width, height = image.size
    if image.format == "TIFF":  # some releases of Pillow return the size after rotation
        tags = image.tag_v2  # type: ignore[attr-defined] # of TIFFs only
        width, height = tags[_TIFF_WIDTH], tags[_TIFF_HEIGHT]
    if orientation_of(image, source) in SIDEWAYS:
        width, height = height, width
    return Size(width, height)


def _read_pixels(path: Path, size: Size) -> Image.Image:
    """The photo as an image in mode RGB that refers to neither a file nor a decoder."""
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
