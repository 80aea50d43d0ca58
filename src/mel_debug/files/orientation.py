"""How a photo was held, as viewers find out: from EXIF, else XMP; damaged parts are passed over.

Only read, never rewritten: EXIF that Pillow can't write back does not matter here.
"""

import re
from collections.abc import Iterator
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
"""How stored pixels become those shown, by EXIF orientation; 1 needs nothing."""

_XMP = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])\b")
_XMP_BYTES = 1 << 20
"""Where in XMP the orientation is looked for; cameras write a few kilobytes."""

_PNG_TEXT_BYTES = 1 << 20


def orientation_of(image: Image.Image, source: Source) -> int:
    """The EXIF orientation of an image whose pixels were not read yet, 1 to 8; 1 if it has none."""
    late = _late_png_chunks(source) if image.format == "PNG" else {}
    for found in (*_from_exif(image, late), *_from_xmp(image, late)):
        if isinstance(found, int) and 1 <= found <= 8:
            return found
    return 1


def orientation_in_memory(image: Image.Image) -> int:
    """The EXIF orientation of a decoded image as Pillow knows it: it may have been turned since."""
    found = None
    with suppress(Exception):  # damaged EXIF
        found = image.getexif().get(ExifTags.Base.Orientation)
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _from_exif(image: Image.Image, late: dict[bytes, bytes]) -> Iterator[Any]:
    if image.format == "TIFF":
        # Its own tags; Pillow turns a TIFF by the same when it decodes it.
        with suppress(Exception):
            yield image.getexif().get(ExifTags.Base.Orientation)
        return
    for data in (image.info.get("exif"), _hexadecimal_exif(image), late.get(b"eXIf")):
        if isinstance(data, bytes):
            # Many programs write EXIF, and Pillow raises whatever its damage causes.
            with suppress(Exception):
                exif = Image.Exif()
                exif.load(data)
                yield exif.get(ExifTags.Base.Orientation)


def _hexadecimal_exif(image: Image.Image) -> bytes | None:
    """What ImageMagick keeps in a PNG's text: a name, a length and hexadecimal digits in lines."""
    text = image.info.get("Raw profile type exif")
    if not isinstance(text, str):
        return None
    with suppress(ValueError):
        return bytes.fromhex("".join(text.split("\n")[3:]))
    return None


def _from_xmp(image: Image.Image, late: dict[bytes, bytes]) -> Iterator[int]:
    keys = ("xmp", "XML:com.adobe.xmp", "exif")  # some programs put XMP where EXIF belongs
    for data in (*(image.info.get(key) for key in keys), late.get(b"iTXt")):
        encoded = data.encode("utf-8", "replace") if isinstance(data, str) else data
        if isinstance(encoded, bytes):
            match = _XMP.search(encoded, 0, _XMP_BYTES)
            if match is not None:
                yield int(match[1])


def _late_png_chunks(source: Source) -> dict[bytes, bytes]:
    """EXIF and XMP that follow a PNG's pixels; Pillow would decode the pixels to find them."""
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
