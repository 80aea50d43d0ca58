"""The orientation of a photo, as viewers read it: from EXIF, else from XMP.

Damaged parts of the metadata are skipped.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from PIL import ExifTags, Image

from mel_debug.files.decoding import Source

SIDEWAYS = {5, 6, 7, 8}
"""EXIF orientations that swap width and height (EXIF 2.3, tag 0x0112)."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The transpose from stored to shown pixels, by EXIF orientation; 1 needs none."""

_XMP = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])\b")
_XMP_BYTES = 1 << 20
"""Bytes of XMP that are searched; cameras write a few kilobytes."""

_PNG_TEXT_BYTES = 1 << 20


def orientation_of(image: Image.Image, source: Source) -> int:
    """The EXIF orientation of an image that is not decoded yet, 1 to 8; 1 if it has none."""
    late = _late_png_chunks(source) if image.format == "PNG" else {}
    return _first_valid((*_from_exif(image, late), *_from_xmp(image, late)))


def orientation_in_memory(image: Image.Image) -> int:
    """The EXIF orientation of a decoded Pillow image, 1 to 8; 1 if it has none.

    A TIFF has none: Pillow applies its orientation when it decodes it.
    """
    if image.format == "TIFF":
        return 1
    return _first_valid((*_from_loaded_exif(image), *_from_exif(image, {}), *_from_xmp(image, {})))


def _first_valid(orientations: Iterable[Any]) -> int:
    return next((each for each in orientations if isinstance(each, int) and 1 <= each <= 8), 1)


def _from_loaded_exif(image: Image.Image) -> Iterator[Any]:
    with suppress(Exception):
        yield image.getexif().get(ExifTags.Base.Orientation)


def _from_exif(image: Image.Image, late: dict[bytes, bytes]) -> Iterator[Any]:
    if image.format == "TIFF":
        # The TIFF's own tags, which Pillow applies when it decodes the image.
        with suppress(Exception):
            yield image.getexif().get(ExifTags.Base.Orientation)
        return
    for data in (image.info.get("exif"), _hexadecimal_exif(image), late.get(b"eXIf")):
        if isinstance(data, bytes):
            # Pillow raises various errors for damaged EXIF.
            with suppress(Exception):
                exif = Image.Exif()
                exif.load(data)
                yield exif.get(ExifTags.Base.Orientation)
            with suppress(struct.error, KeyError):
                yield from _from_entries(data.removeprefix(b"Exif\0\0"))


def _from_entries(tiff: bytes) -> Iterator[int]:
    """The orientation among the entries of EXIF; Pillow before 13 stops at a damaged one."""
    order = {b"II*\0": "<", b"MM\0*": ">"}[tiff[:4]]
    (start,) = struct.unpack_from(order + "I", tiff, 4)
    (count,) = struct.unpack_from(order + "H", tiff, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, entry)
        if tag == ExifTags.Base.Orientation:
            yield value


def _hexadecimal_exif(image: Image.Image) -> bytes | None:
    """EXIF that ImageMagick stores in a PNG's text: name, length, lines of hexadecimal digits."""
    text = image.info.get("Raw profile type exif")
    if not isinstance(text, str):
        return None
    with suppress(ValueError):
        return bytes.fromhex("".join(text.split("\n")[3:]))
    return None


def _from_xmp(image: Image.Image, late: dict[bytes, bytes]) -> Iterator[int]:
    keys = ("xmp", "XML:com.adobe.xmp", "exif")  # some programs store XMP in place of EXIF
    for data in (*(image.info.get(key) for key in keys), late.get(b"iTXt")):
        encoded = data.encode("utf-8", "replace") if isinstance(data, str) else data
        if isinstance(encoded, bytes):
            match = _XMP.search(encoded, 0, _XMP_BYTES)
            if match is not None:
                yield int(match[1])


def _late_png_chunks(source: Source) -> dict[bytes, bytes]:
    """EXIF and XMP after a PNG's pixels; Pillow reads them only by decoding the pixels."""
    found: dict[bytes, bytes] = {}
    start = source.tell()
    source.seek(8)
    while len(header := source.read(8)) == 8:
        length, kind = int.from_bytes(header[:4], "big"), header[4:]
        if kind in (b"eXIf", b"iTXt") and length <= _PNG_TEXT_BYTES and kind not in found:
            found[kind] = source.read(length)
            length = 0
        source.seek(length + 4, 1)
        if kind == b"IEND":
            break
    source.seek(start)
    return found
