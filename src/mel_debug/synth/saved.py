"""Generated photos as files: the photo, its mask, its marks."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.core.types import Mole
from mel_debug.files.atomic import write_atomically
from mel_debug.files.marks import moles_text
from mel_debug.files.photos import mask_path

from .rendering import RenderedPhoto, Seen


def photo_files(path: Path, photo: RenderedPhoto) -> dict[Path, bytes]:
    """The JPEG, turned as its EXIF orientation says, and the mask beside it."""
    return {path: photo.jpeg(), mask_path(path): _png(photo)}


def marks_text(moles: tuple[Seen, ...]) -> bytes:
    """A moles file that marks these moles as canonical."""
    return moles_text(Mole(mole.uuid, Point(mole.x, mole.y)) for mole in moles).encode()


def write_new_files(files: Mapping[Path, bytes]) -> None:
    """Write files, making their folders; raises MelError rather than replace other content."""
    for path, data in files.items():
        if path.exists() and path.read_bytes() != data:
            raise MelError(f"{path} exists already and is not this; choose a new folder")
    for path, data in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MelError(f"{path.parent} can't be made ({error.strerror})") from error
        write_atomically(path, data)


def _png(photo: RenderedPhoto) -> bytes:
    from PIL import Image

    encoded = io.BytesIO()
    Image.fromarray(photo.mask.astype(np.uint8) * np.uint8(255)).save(encoded, "PNG")
    return encoded.getvalue()
