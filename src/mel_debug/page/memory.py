"""Keeping the server small: shared pixels, and freed memory returned to the system."""

import ctypes
import sys
from collections.abc import Callable

from mel_debug.core.geometry import Size
from mel_debug.core.images import Colour, ImageBuffer
from mel_debug.core.photo import Photo, Preview
from mel_debug.core.scaling import resized_in_strips
from mel_debug.core.types import Pixels

ARENAS = 2
"""Heaps of the C library. By default it has eight for each core, and the threads that encode
pictures leave freed memory in each of them."""

LARGE = 8 << 20
"""Bytes from which an array is returned to the system as soon as it is freed. By default glibc
raises this to 32 MB, and what is smaller leaves gaps between arrays that live."""

KEPT = 64 << 20
"""Bytes of freed memory that the heap keeps for the next arrays. By default it keeps 128 kB if
`LARGE` is set: the system then clears every page of each array, a fifth of the time of a click."""

_M_ARENA_MAX, _M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -8, -3, -1
"""Parameters of mallopt, from glibc's malloc.h."""


class PaintedPhoto(Photo):
    """A photo with `colour` outside its mask that has no pixels of its own.

    Parts are painted when they are read. The whole photo is painted for `pixels` and then dropped:
    the page shows the unpainted photo, and both would take twice the memory.
    """

    def __init__(
        self, source: Photo, colour: Callable[[], Colour], preview: Callable[[], Preview] | None
    ) -> None:
        super().__init__(
            source.name, source.size, lambda: source.pixels, lambda: source.mask, preview=preview
        )
        self._source, self._colour = source, colour

    def prefetch(self) -> None:
        """See `Photo.prefetch`."""
        self._source.prefetch()

    def wait(self) -> None:
        """See `Photo.wait`."""
        self._source.wait()

    @property
    def pixels(self) -> Pixels:
        """See `Photo.pixels`; painted anew each time."""
        height, width = self.size.height, self.size.width
        return self.part(slice(0, height), slice(0, width))

    def part(self, rows: slice, columns: slice) -> Pixels:
        """See `Photo.part`; painted anew each time."""
        part = self._source.part(rows, columns)
        mask = None if self.mask is None else self.mask[rows, columns]
        if mask is None or mask.all():
            return part
        return ImageBuffer(part).painted(mask, self._colour()).pixels

    def scaled(self, size: Size) -> Pixels:
        """See `Photo.scaled`."""
        if self._scaled is None or self._scaled[0] != size:
            everywhere = slice(0, self.size.width)
            scaled = resized_in_strips(lambda rows: self.part(rows, everywhere), self.size, size)
            self._scaled = size, scaled
        return self._scaled[1]


def limit_heaps() -> None:
    """Let the C library's threads share few heaps, without large arrays. Only with glibc."""
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, ARENAS)
        mallopt(_M_MMAP_THRESHOLD, LARGE)
        mallopt(_M_TRIM_THRESHOLD, KEPT)


def return_freed_memory() -> None:
    """Return freed memory to the system; it takes milliseconds. Does nothing without glibc."""
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_glibc(name: str) -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        function: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):  # another C library, such as musl
        return None
    return function
