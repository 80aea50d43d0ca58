"""Files of generated photos: the photo, its mask and its marks."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mel_debug.core.errors import MelError, UsageError
from mel_debug.core.geometry import Point
from mel_debug.core.types import Mole
from mel_debug.files.atomic import write_atomically
from mel_debug.files.exact_json import text_of
from mel_debug.files.marks import moles_text
from mel_debug.files.photos import mask_path
from mel_debug.files.regular import open_regular

from .rendering import MolePosition, RenderedPhoto
from .scene import Body

TRUTH = "truth"
"""Stem of the file with the moles of a changing body, `photo.jpg.truth.json`."""


def photo_files(path: Path, photo: RenderedPhoto) -> dict[Path, bytes]:
    """Return the content of the JPEG and of its mask file, by path."""
    return {path: photo.jpeg(), mask_path(path): _png(photo)}


def marks_text(moles: tuple[MolePosition, ...]) -> bytes:
    """Return a moles file that marks these moles as canonical."""
    return moles_text(Mole(mole.uuid, Point(mole.x, mole.y)) for mole in moles).encode()


def truth_text(body: Body, photo: RenderedPhoto, session: int) -> bytes:
    """Return a moles file that also has the size, shade and shape of each mole in a session."""
    entries = []
    for place in photo.moles:
        mole = body.mole(place.uuid)
        x, y = Point(place.x, place.y).pixel
        entries.append(
            {
                "uuid": place.uuid,
                "x": x,
                "y": y,
                "is_uuid_canonical": True,
                "diameter_mm": mole.diameter_in(session),
                "pigment": mole.melanin * mole.shade_in(session),
                "aspect": mole.aspect_in(session),
            }
        )
    return (text_of(entries) + "\n").encode()


def write_new_files(files: Mapping[Path, bytes]) -> None:
    """Write files and create their folders; files that already have this content are unchanged.

    Raises UsageError if a file has other content, before anything is written, and MelError if a
    file can't be read or written.
    """
    missing = {path: data for path, data in files.items() if not _has_content(path, data)}
    for path, data in missing.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MelError(f"{path.parent} can't be created ({error.strerror})") from error
        write_atomically(path, data)


def _has_content(path: Path, data: bytes) -> bool:
    """Return whether a file has this content. Raises UsageError if it has other content."""
    try:
        with open_regular(path) as file:
            if file.read() == data:
                return True
    except FileNotFoundError:
        if not path.is_symlink():
            return False
    except OSError as error:
        raise MelError(f"{path} can't be read ({error.strerror or error})") from error
    raise UsageError(f"{path} exists and has other content; choose a new folder")


def _png(photo: RenderedPhoto) -> bytes:
    from PIL import Image

    encoded = io.BytesIO()
    Image.fromarray(photo.mask.astype(np.uint8) * np.uint8(255)).save(encoded, "PNG")
    return encoded.getvalue()
