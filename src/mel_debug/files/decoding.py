"""Opening image files safely: known formats only, sizes checked first, and one type of error."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from mel_debug.core.errors import MelError, UsageError, is_out_of_memory
from mel_debug.core.escape import escaped
from mel_debug.core.limits import max_pixels, too_large
from mel_debug.files.formats import (
    HEAD_BYTES,
    HEIF,
    PLUGINS,
    RAW_SUFFIXES,
    READ_WHOLE,
    format_of,
    other_kind,
    webp_size,
)
from mel_debug.files.regular import open_regular

MOST_READS = 1_000_000
"""Reads allowed to a decoder, besides one for every 64 bytes of the file. GIFs, whose blocks of 255
bytes need the most reads of all valid files, need a quarter of that; damaged files that make a
decoder read byte by byte are stopped."""

BYTES_A_PIXEL = 4
"""Maximum bytes of a file that is read whole, for each pixel that a photo may have."""

MOST_TILE_SHARE = 4
SMALL_TILE = 16_000_000
"""A tile of a TIFF may have this many pixels, or `MOST_TILE_SHARE` times those of its photo."""

_PILLOW = r"PIL\."
"""Matches the names of Pillow's modules, for a filter of `warnings`."""

_NEW_SUBFILE_TYPE, _TILE_WIDTH, _TILE_LENGTH, _DNG_VERSION = 254, 322, 323, 50706  # TIFF tags
_BITS_PER_SAMPLE, _PLANAR, _SEPARATE = 258, 284, 2


class Source:
    """An open file for a decoder. Raises OSError after more reads than any valid file needs.

    If `ends_with` is set, the decoder reads these bytes once after the end of the file; `ended` is
    True after that.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        self._file = file
        self._reads_left = MOST_READS + os.fstat(file.fileno()).st_size // 64
        self.ends_with = b""
        self.ended = False

    def read(self, count: int = -1) -> bytes:
        self._reads_left -= 1
        if self._reads_left < 0:
            raise OSError("its structure has no end")
        data = self._file.read(count)
        if data or not self.ends_with or self.ended:
            return data
        self.ended = True
        return self.ends_with

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:
        return self._file.fileno()

    def flush(self) -> None:
        """Does nothing; libtiff's decoder calls it although it only reads."""

    def close(self) -> None:
        """Does nothing; `opened` closes the file."""


@contextmanager
def opened(path: Path) -> Iterator[tuple[Image.Image, Source]]:
    """An image with its header read but not decoded, and the file that it reads from.

    The block should only decode, as any exception in it becomes an error about the file. Raises
    UsageError if the file is missing or not a regular file, and MelError if it has another format,
    more pixels than `limits.max_pixels`, or is damaged.
    """
    silence_pillow()
    # Decoders raise various errors for damaged files (struct.error, KeyError, AssertionError, ...),
    # so every Exception is reported as a damaged file.
    try:
        with open_regular(path) as file:
            yield _opened(path, file)
    except MelError:
        raise
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist") from error
    except UnidentifiedImageError as error:
        raise MelError(
            f"{path} is not a photo that can be read (its header is damaged or of a rare kind)"
        ) from error
    except Image.DecompressionBombError as error:
        raise MelError(f"{path} {too_large(max_pixels(), 2)}") from error
    except Exception as error:
        raise _named(path, error) from error


def _named(path: Path, error: Exception) -> MelError:
    if is_out_of_memory(error):
        return MelError(f"{path}: not enough memory to read it; try fewer `jobs` or a smaller copy")
    if isinstance(error, OSError) and error.errno is not None:
        return MelError(f"{path} can't be read ({error.strerror or error})")
    reason = escaped(" ".join(str(error).split())) or type(error).__name__
    return MelError(f"{path} is damaged or cut short ({reason})")


def _opened(path: Path, file: BinaryIO) -> tuple[Image.Image, Source]:
    head = file.read(HEAD_BYTES)
    kind = format_of(head)
    if kind is None:
        raise MelError(
            f"{path} is not a photo that can be read: it {other_kind(head)}; save it as JPEG or PNG"
        )
    _check_before(path, kind, head, os.fstat(file.fileno()).st_size)
    file.seek(0)
    source = Source(file, str(path))
    image = _heif(path, source) if kind == HEIF else _of_pillow(path, kind, source)
    reason = too_large(*image.size)
    if reason is not None:
        raise MelError(f"{path} {reason}")
    if kind == "TIFF":
        _check_tiff(path, image)
    return image, source


def _check_before(path: Path, kind: str, head: bytes, file_bytes: int) -> None:
    """Raise MelError for a file that would take too much memory merely to open."""
    size = webp_size(head) if kind == "WEBP" else None
    reason = None if size is None else too_large(*size)
    if reason is not None:
        raise MelError(f"{path} {reason}")
    if kind in READ_WHOLE and file_bytes > BYTES_A_PIXEL * max_pixels():
        raise MelError(f"{path} is too large to be a photo: {file_bytes / 1e9:.1f} GB")


def _of_pillow(path: Path, kind: str, source: Source) -> Image.Image:
    try:
        import_module(PLUGINS[kind])
    except ModuleNotFoundError as error:
        raise MelError(
            f"{path} is {kind}, which this Pillow can't read; try a newer one"
        ) from error
    if Image.MAX_IMAGE_PIXELS is not None and max_pixels() > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = max_pixels()  # Pillow refuses photos of 200 megapixels
    return Image.open(source, formats=[kind])  # type: ignore[arg-type] # it has the methods in use


def _heif(path: Path, source: Source) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise MelError(
            f"{path} is HEIF, which needs pillow-heif; try: pip install 'mel-debug[heif]'"
        ) from error
    image: Image.Image = HeifImageFile(source)
    return image


def _check_tiff(path: Path, image: Image.Image) -> None:
    """Raise MelError for a TIFF whose first image is not the photo, or with too large tiles."""
    tags = image.tag_v2  # type: ignore[attr-defined] # of TIFFs only
    if _DNG_VERSION in tags or path.suffix.lower() in RAW_SUFFIXES:
        raise MelError(
            f"{path} is not a photo that can be read: it is a raw photo of a camera; "
            "save it as JPEG or TIFF"
        )
    if tags.get(_NEW_SUBFILE_TYPE, 0) & 1:
        raise MelError(f"{path}: its first image is only a preview; save the photo as JPEG or PNG")
    is_raw = all(tile[0] == "raw" for tile in image.tile)  # type: ignore[attr-defined] # of files only
    if is_raw and tags.get(_PLANAR) == _SEPARATE and max(tags.get(_BITS_PER_SAMPLE, (1,))) > 8:
        raise MelError(  # Pillow would take each half of a sample for a sample
            f"{path} stores 16-bit colours in separate planes, which can't be read; "
            "save it with 8 bits"
        )
    tile = tags.get(_TILE_WIDTH, 0) * tags.get(_TILE_LENGTH, 0)
    if tile > max(SMALL_TILE, MOST_TILE_SHARE * image.width * image.height):
        raise MelError(f"{path} is damaged: its tiles are far larger than the photo")


def silence_pillow() -> None:
    """Ignore Pillow's own warnings and log messages; those for users are MelWarnings.

    The filter is permanent because `warnings.catch_warnings` is not thread-safe.
    """
    known = any(
        action == "ignore" and module is not None and module.pattern == _PILLOW
        for action, _, _, module, _ in warnings.filters
        if not isinstance(module, str)
    )
    if not known:
        warnings.filterwarnings("ignore", module=_PILLOW)
    log = logging.getLogger("PIL")
    if not log.hasHandlers():  # otherwise Python prints its errors on standard error
        log.addHandler(logging.NullHandler())
