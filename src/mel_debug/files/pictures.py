"""Writing pictures, whole or not at all."""

import io
from pathlib import Path

from mel_debug.core.errors import MelError, UsageError
from mel_debug.core.types import Pixels
from mel_debug.files.atomic import check_writable, write_atomically

JPEG_QUALITY = 95


def check_picture_path(path: Path) -> None:
    """Find out early that a picture could not be saved here.

    Raises UsageError for a suffix that names no picture format, MelError for an unwritable place.
    """
    _format_of(path)
    check_writable(path)


def write_picture(path: Path, pixels: Pixels) -> None:
    """Save (height, width, 3) RGB in the format the suffix names. Raises MelError if it can't."""
    from PIL import Image

    encoded = io.BytesIO()
    kind = _format_of(path)
    # Full-resolution colour keeps the thin coloured lines of a cross crisp.
    options = {"quality": JPEG_QUALITY, "subsampling": 0} if kind == "JPEG" else {}
    try:
        Image.fromarray(pixels).save(encoded, format=kind, **options)
    except (OSError, ValueError, KeyError) as error:
        raise MelError(f"{path}: the picture can't be saved as {kind} ({error})") from error
    write_atomically(path, encoded.getvalue())


def _format_of(path: Path) -> str:
    from PIL import Image

    suffix = path.suffix.lower()
    Image.preinit()  # the usual formats; all of them take longer to load than to draw a picture
    kind = Image.EXTENSION.get(suffix) or Image.registered_extensions().get(suffix)
    if kind is None or kind not in Image.SAVE:
        raise UsageError(f"{path}: {path.suffix or 'no suffix'} names no picture format; try .jpg")
    return kind
