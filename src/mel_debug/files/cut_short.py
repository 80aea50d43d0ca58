"""Decoding truncated files, as viewers do, and measuring how many rows are missing."""

import io
import math
import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops

from mel_debug.core.errors import warn
from mel_debug.files.decoding import Source

MOST_MISSING = 0.05
"""The share of a photo's rows that may be missing. A file without its last few kilobytes lacks one
row of blocks, 8 or 16 px; half a download is an error."""

_END_OF_JPEG = b"\xff\xd9"
_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # not stuffing, restarts or padding
_PROGRESSIVE = 0xC2
_SCAN = 0xDA
_BARE_MARKERS = {0x01, 0xD8, 0xD9}
_COEFFICIENTS = 64
_BLOCK = 8


def decode(image: Image.Image, source: Source, path: Path) -> None:
    """Decode an opened image in place.

    In JPEG, PNG, GIF, BMP, PPM and TIFF files up to `MOST_MISSING` of the rows may be missing at
    the end; these stay grey, black or transparent, and a MelWarning has their number. If more is
    missing, raises whatever the decoder raises.
    """
    if image.format in ("JPEG", "MPO"):
        _decode_jpeg(image, source, path)
        return
    try:
        image.load()
    except OSError as error:
        missing = _unwritten_rows(image)
        if missing is None:
            raise
        _warn(path, missing, image.height, str(error))


def _decode_jpeg(image: Image.Image, source: Source, path: Path) -> None:
    # Not earlier: Pillow would search for the header endlessly.
    source.ends_with = _END_OF_JPEG
    image.load()
    if not source.ended:
        return
    progressive = image.info.get("progressive")
    missing = _unrefined_rows(image, source) if progressive else _grey_rows(image)
    if missing is None:
        raise OSError(f"more than {MOST_MISSING:.0%} of it is missing")
    _warn(path, missing, image.height, "its end is missing")


def _warn(path: Path, rows: int, height: int, reason: str) -> None:
    lost = f", and with it {rows} of {height} rows of pixels" if rows else ""
    warn(f"{path} is cut short or damaged: {reason}{lost}; the rest is used")


def _unwritten_rows(image: Image.Image) -> int | None:
    """The number of rows that a failed decoder did not write; None if there are too many.

    Pillow's decoders write into an image of zeros, a BMP's from the bottom. Black rows at the top
    and at the bottom count as missing.
    """
    if image.info.get("interlace") or image.format in ("WEBP", "AVIF", "HEIF", "JPEG2000"):
        return None
    if image.format == "TIFF" and image.getexif().get(274, 1) != 1:
        return None  # turned already
    image.tile = []  # type: ignore[attr-defined] # makes `load` accept what is decoded
    try:
        image.load()
        missing = _zero_rows(image)
    except (OSError, ValueError):  # nothing was decoded at all, or a mode that can't be compared
        return None
    return missing if missing <= MOST_MISSING * image.height else None


def _zero_rows(image: Image.Image) -> int:
    """How many rows at the top and at the bottom are 0 throughout; of a GIF, how many of all."""
    if image.format == "GIF":  # interlaced, they are missing in between
        rows = (image.crop((0, y, image.width, y + 1)) for y in range(image.height))
        return sum(row.getbbox() is None for row in rows)
    box = image.getbbox()
    return image.height if box is None else image.height - (box[3] - box[1])


def _grey_rows(image: Image.Image) -> int | None:
    """The number of missing rows at the end of a baseline JPEG; None if there are too many.

    libjpeg fills missing blocks with mid-grey, and the last block of a row is missing first.
    """
    strip = _last_rows(image)
    ends = strip.crop((max(0, strip.width - _BLOCK), 0, strip.width, strip.height))
    grey = 127 if image.mode == "CMYK" else 128  # Pillow inverts inks
    flat = Image.new(ends.mode, ends.size, (grey,) * len(ends.getbands()))
    return _empty_rows(ImageChops.difference(ends, flat))


def _last_rows(image: Image.Image) -> Image.Image:
    """The rows at the end that may be missing, and one more."""
    count = min(image.height, math.floor(MOST_MISSING * image.height) + 1)
    return image.crop((0, image.height - count, image.width, image.height))


def _empty_rows(strip: Image.Image) -> int | None:
    box = strip.getbbox()
    return None if box is None else strip.height - box[3]


@dataclass(frozen=True, slots=True)
class _Scan:
    """One scan of a progressive JPEG (ITU-T T.81, G.1); its header ends before byte `end`.

    `low` is the number of low bits of the coefficients `first` to `last` that are missing after it.
    """

    end: int
    components: tuple[int, ...]
    first: int
    last: int
    low: int


def _unrefined_rows(image: Image.Image, source: Source) -> int | None:
    """The number of rows at the end of a progressive JPEG that its last scan does not contain.

    None if there are too many, or if whole scans are missing and the photo is blurred everywhere.
    """
    source.seek(0)
    data = source.read()
    scans = _scans(data)
    if not _is_complete(scans):
        return None
    # With its header, but without its data: libjpeg smooths what a scan has not begun to refine.
    begun = data[: scans[-1].end] + _END_OF_JPEG
    with Image.open(io.BytesIO(begun), formats=["JPEG"]) as coarse:
        coarse.load()
        # The last scan changes every row that it contains.
        return _empty_rows(ImageChops.difference(_last_rows(image), _last_rows(coarse)))


def _is_complete(scans: list[_Scan]) -> bool:
    """Whether the scans have started all bits of every coefficient of every component."""
    missing_bits: dict[tuple[int, int], int] = {}
    for scan in scans:
        for component in scan.components:
            for number in range(scan.first, min(scan.last, _COEFFICIENTS - 1) + 1):
                missing_bits[component, number] = scan.low
    components = {component for component, _ in missing_bits}
    expected = {(each, number) for each in components for number in range(_COEFFICIENTS)}
    return bool(scans) and all(missing_bits.get(each) == 0 for each in expected)


def _scans(data: bytes) -> list[_Scan]:
    scans = []
    place = 2
    while match := _NEXT_MARKER.search(data, place):
        kind = match[0][1]
        place = match.end()
        if kind in _BARE_MARKERS:
            continue
        body = data[place + 2 : place + int.from_bytes(data[place : place + 2], "big")]
        place += 2 + len(body)
        if kind == _SCAN and len(body) == 4 + 2 * body[0]:
            first, last, bits = body[-3:]
            components = tuple(body[1:-3:2])
            scans.append(_Scan(place, components, first, last, bits & 15))
    return scans
