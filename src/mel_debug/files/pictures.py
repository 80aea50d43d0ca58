"""Writing pictures atomically."""

import io
from pathlib import Path
from typing import Any

from mel_debug.core.errors import MelError, UsageError
from mel_debug.core.types import Pixels
from mel_debug.files.atomic import check_writable, write_atomically
from mel_debug.files.marker import PICTURE_MARK
from mel_debug.files.outputs import OutputGuard

JPEG_QUALITY = 95
"""Pillow's documentation advises against higher values."""


def check_picture_path(path: Path) -> None:
    """Raise an error early if a picture can't be saved with this path.

    Raises UsageError for the suffix of no picture format, and MelError if writing would fail.
    """
    _format_of(path)
    check_writable(path)


def write_picture(
    path: Path, pixels: Pixels, *, guard: OutputGuard | None = None, quality: int = JPEG_QUALITY
) -> None:
    """Save (height, width, 3) RGB in the format of the suffix, with `PICTURE_MARK` as metadata.

    A lower `quality` of a JPEG, as that of the many pictures of a page, also halves the resolution
    of its colours, and such a picture is not synced to disk: that takes longer than drawing it.
    Raises MelError if it can't be saved, and UsageError if the guard protects an existing file.
    """
    from PIL import Image

    encoded = io.BytesIO()
    kind = _format_of(path)
    try:
        Image.fromarray(pixels).save(encoded, format=kind, **_options(kind, quality))
    except (OSError, ValueError, KeyError) as error:
        raise MelError(f"{path}: the picture can't be saved as {kind} ({error})") from error
    if guard is not None:
        guard.check_picture(path)
    sync = quality >= JPEG_QUALITY
    write_atomically(path, encoded.getvalue() + _trailer(kind), sync=sync)


def _options(kind: str, quality: int) -> dict[str, Any]:
    """Pillow's options for good quality and for the marker as metadata."""
    from PIL import ExifTags, Image, PngImagePlugin

    match kind:
        case "JPEG" | "MPO":
            # Full-resolution colour keeps the thin coloured lines of a cross crisp.
            sampling = 0 if quality >= JPEG_QUALITY else "4:2:0"
            return {"quality": quality, "subsampling": sampling, "comment": PICTURE_MARK}
        case "PNG":
            text = PngImagePlugin.PngInfo()
            text.add_text("Comment", PICTURE_MARK)
            return {"pnginfo": text}
        case "GIF" | "JPEG2000":
            return {"comment": PICTURE_MARK}
        case "TIFF":
            return {"software": PICTURE_MARK}
        case "WEBP":
            exif = Image.Exif()
            exif[ExifTags.Base.Software] = PICTURE_MARK
            return {"exif": exif}
        case _:
            return {}


def _trailer(kind: str) -> bytes:
    """The marker to append to a file, for formats without metadata near either end."""
    text = PICTURE_MARK.encode()
    match kind:
        case "JPEG" | "MPO" | "PNG" | "GIF" | "JPEG2000" | "TIFF" | "WEBP":
            return b""
        case "AVIF" | "HEIF":  # a box for free space (ISO 14496-12, 8.1.2): its size, type, content
            return (8 + len(text)).to_bytes(4, "big") + b"free" + text
        case "PDF" | "EPS":  # a comment
            return b"\n%" + text + b"\n"
        case _:  # readers of BMP, PPM, TGA and the like ignore what follows the pixels
            return text


def _format_of(path: Path) -> str:
    from PIL import Image

    suffix = path.suffix.lower()
    Image.preinit()  # common formats; loading all of them takes longer than drawing a picture
    kind = Image.EXTENSION.get(suffix) or Image.registered_extensions().get(suffix)
    if kind is None or kind not in Image.SAVE:
        raise UsageError(
            f"{path}: {path.suffix or 'no suffix'} is not the suffix of a picture format; try .jpg"
        )
    return kind
