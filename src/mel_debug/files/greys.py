"""Converting grey values of more than 8 bits to 8 bits, by a stated range or a likely one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mel_debug.core.errors import MelError, warn
from mel_debug.core.images import ROWS_AT_ONCE

DEPTHS = tuple(range(8, 33, 2))
"""Bits per sample of cameras and scanners; many files store them in the low bits of more. With a
step of 2 bits, the brightest value becomes at least a quarter of white."""

DEEP_COLOURS_REACH = 64
"""Pillow keeps only the high byte of 16-bit colours. If all are below this, they use 14 bits or
fewer, and their true range can't be recovered."""

_BITS_PER_SAMPLE, _PHOTOMETRIC, _MAX_SAMPLE, _SAMPLE_FORMAT = 258, 262, 281, 339  # TIFF tags
_SIGNED = 2
_WHITE_IS_ZERO = 0


@dataclass(frozen=True, slots=True)
class _Range:
    """The range of the values of a grey image: `top` is the highest that a sample can store.

    `white` is the value of white that the file states; None if it states none.
    """

    top: int
    white: int | None = None
    inverted: bool = False
    unsigned: bool = False


def is_deep_grey(image: Image.Image) -> bool:
    """Whether an image has one band of more than 8 bits, for `eight_bit_grey`."""
    return image.mode.startswith(("I", "F"))


def has_deep_colours(image: Image.Image) -> bool:
    """Whether an undecoded image has 16-bit colours, which Pillow reduces to 8 bits."""
    return ";16" in str(getattr(image, "tile", "")) and not is_deep_grey(image)


def check_deep_colours(image: Image.Image, path: Path) -> None:
    """Raise MelError for decoded colours of a 16-bit file that use the low bits only."""
    # An opaque alpha channel is at its highest in any file; colours of 8 bits or fewer are all 0.
    bands = zip(image.getbands(), image.getextrema(), strict=True)
    highest = max(extremes[1] for band, extremes in bands if band != "A")  # type: ignore[index] # several bands
    if highest < DEEP_COLOURS_REACH:
        raise MelError(
            f"{path}: its 16-bit colours use less than a quarter of their range, and the file does "
            "not state what is white; save it with 8 bits"
        )


def eight_bit_grey(image: Image.Image, path: Path, *, guess: bool = True) -> Image.Image:
    """A decoded image with one band of integers as mode L.

    White is the value that the file states, or else the highest that a sample can store. With
    `guess`, an unstated white is that of the smallest of `DEPTHS` that can store the brightest
    value, with a MelWarning if this is less. Raises MelError for floating-point and negative
    values, which have no such range.
    """
    if image.mode == "F":
        raise MelError(
            f"{path}: floating-point pixels have no fixed range; save it with 8 or 16 bit"
        )
    kind = _range_of(image)
    brightest = 0
    for _, values in _strips(image, kind):
        if int(values.min()) < 0:
            raise MelError(f"{path}: negative values have no brightness; save it with 8 or 16 bit")
        brightest = max(brightest, int(values.max()))
    white = kind.white or kind.top
    if guess and kind.white is None:
        white = _depth_of(brightest, kind.top)
        if white < kind.top:
            warn(
                f"{path}: its brightest value is {brightest} of {kind.top}; "
                f"{white} is used as white"
            )
    grey = Image.new("L", image.size)
    for top, values in _strips(image, kind):
        wide = np.minimum(values.astype(np.uint64), np.uint64(white)) * np.uint64(255)
        eight = ((wide + np.uint64(white // 2)) // np.uint64(white)).astype(np.uint8)
        grey.paste(Image.fromarray(255 - eight if kind.inverted else eight), (0, top))
    return grey


def _depth_of(brightest: int, top: int) -> int:
    return next((2**bits - 1 for bits in DEPTHS if brightest < 2**bits and 2**bits - 1 <= top), top)


def _range_of(image: Image.Image) -> _Range:
    if image.format == "TIFF":
        return _tiff_range(image)
    if image.format is None:  # made in memory
        return _Range(2**31 - 1 if image.mode == "I" else 65535)
    # Samples of a PNG use their full range (PNG 3rd edition, 13.12), whatever sBIT states, but not
    # all programs comply. Other formats state a range, which Pillow scales to 16 bits.
    return _Range(65535, None if image.format == "PNG" else 65535)


def _tiff_range(image: Image.Image) -> _Range:
    tags = image.tag_v2  # type: ignore[attr-defined] # of TIFFs only
    bits = _first(tags.get(_BITS_PER_SAMPLE, 16))
    signed = _first(tags.get(_SAMPLE_FORMAT, 1)) == _SIGNED
    top = 2 ** (bits - signed) - 1
    stated = _first(tags.get(_MAX_SAMPLE, 0))
    # MaxSampleValue is the largest value in use; the depth that can store it is the range.
    white = _depth_of(stated, top) if 0 < stated < top else None
    if bits not in (16, 32):
        white = top  # packed samples, such as 12 bits
    inverted = tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    return _Range(top, white, inverted, unsigned=bits == 32 and not signed)


def _first(value: Any) -> int:
    while isinstance(value, tuple):
        value = value[0] if value else 0
    return int(value)


def _strips(image: Image.Image, kind: _Range) -> Iterator[tuple[int, NDArray[Any]]]:
    """The values of a few rows at a time, each with the index of the first row."""
    for top in range(0, image.height, ROWS_AT_ONCE):
        bottom = min(top + ROWS_AT_ONCE, image.height)
        values = np.asarray(image.crop((0, top, image.width, bottom)))
        yield top, values.view(np.uint32) if kind.unsigned else values
