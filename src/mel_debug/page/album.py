"""The photos of the page by number: previews, tiles and regions as JPEG, each decoded once."""

import io
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mel_debug.core.errors import UsageError
from mel_debug.core.geometry import Size
from mel_debug.core.photo import PREVIEW_SIDE, Photo
from mel_debug.core.scaling import fitted, resized
from mel_debug.core.types import Pixels
from mel_debug.files.photos import read_photo

if TYPE_CHECKING:
    from mel_debug.cache.shown import ShownPreviews

MOST_PIXELS = 60_000_000
"""Pixels of decoded photos that are retained: two of 25 megapixels; the last two always are."""

TILE = 512
"""Side of a tile in its own pixels."""

MOST_LEVEL = 6
"""Tiles of level n show photo pixels at 1 / 2^n of their size."""

MOST_REGION = 2048
"""Largest side of a region in photo pixels."""

PREVIEW_QUALITY, NATIVE_QUALITY = 85, 92
"""JPEG qualities: previews fill the window, native pixels are compared by eye."""

PREVIEW_MADE = f"{PREVIEW_SIDE} px, quality {PREVIEW_QUALITY}"
"""How previews are made, for those that are stored."""


@dataclass(slots=True)
class Album:
    """The photos of the page, and their pixels in memory, least recently used ones first.

    Threads may share an album. `stored` has previews that were made before. Raises UsageError for a
    number or a rectangle that does not exist.
    """

    paths: Sequence[Path]
    use_masks: bool = True
    stored: "ShownPreviews | None" = None
    _sizes: dict[int, Size] = field(default_factory=dict)
    _open: "OrderedDict[int, Photo]" = field(default_factory=OrderedDict)
    _previews: dict[int, bytes] = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.Lock)

    def size(self, number: int) -> Size:
        """The size of a photo as shown. Raises like `read_photo`."""
        if number not in self._sizes:
            self._sizes[number] = self.photo(number).size
        return self._sizes[number]

    def photo(self, number: int) -> Photo:
        """The photo with a number. Raises like `read_photo`."""
        if not 0 <= number < len(self.paths):
            raise UsageError(f"there is no photo {number}")
        with self._lock:
            photo = self._open.get(number)
            if photo is None:
                photo = read_photo(self.paths[number], use_mask=self.use_masks)
                self._open[number] = photo
            self._open.move_to_end(number)
            while len(self._open) > 2 and self._pixels() > MOST_PIXELS:
                self._open.popitem(last=False)
            return photo

    def _pixels(self) -> int:
        return sum(photo.size.width * photo.size.height for photo in self._open.values())

    def preview(self, number: int) -> bytes:
        """The whole photo, at most `PREVIEW_SIDE` pixels along its longer side."""
        if number not in self._previews:
            photo = self.photo(number)

            def make() -> bytes:
                # Not the photo's own preview: that has the mask, which takes as long as the pixels.
                pixels = photo.scaled(fitted(photo.size, min(PREVIEW_SIDE, photo.size.longest)))
                return _jpeg(pixels, PREVIEW_QUALITY)

            stored = self.stored
            self._previews[number] = make() if stored is None else stored.of(photo, make)
        return self._previews[number]

    def tile(self, number: int, level: int, column: int, row: int) -> bytes:
        """A tile of `TILE` x `TILE` pixels, or less at the right and lower edge."""
        photo = self.photo(number)
        if not 0 <= level <= MOST_LEVEL:
            raise UsageError(f"there is no level {level}")
        side = TILE << level
        x, y = column * side, row * side
        if not (0 <= x < photo.size.width and 0 <= y < photo.size.height):
            raise UsageError(f"photo {number} has no tile {column}, {row} at level {level}")
        part = photo.pixels[y : y + side, x : x + side]
        size = Size(*(max(1, length >> level) for length in (part.shape[1], part.shape[0])))
        return _jpeg(resized(np.ascontiguousarray(part), size), NATIVE_QUALITY)

    def region(self, number: int, x: int, y: int, size: Size) -> bytes:
        """A rectangle of photo pixels; (x, y) is its upper left corner.

        It may reach beyond the photo, where it is grey.
        """
        if size.longest > MOST_REGION:
            raise UsageError(f"a region has at most {MOST_REGION} pixels a side, not {size}")
        window = self.photo(number).crop(x, y, size, (128, 128, 128))
        return _jpeg(window.pixels, NATIVE_QUALITY)


def _jpeg(pixels: Pixels, quality: int) -> bytes:
    from PIL import Image

    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, format="JPEG", quality=quality, subsampling=0)
    return encoded.getvalue()
