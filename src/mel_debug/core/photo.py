"""A photo: its pixels and its mask, read on first use, and scaled or cropped versions."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from mel_debug.core.geometry import PatchGrid, Point, Size
from mel_debug.core.images import Colour, ImageBuffer, ImageOrPixels, Mask, Pixels
from mel_debug.core.lazy import Lazy
from mel_debug.core.scaling import fitted, resized, valid_cells

PREVIEW_SIDE = 2000
"""Longer side of a preview in pixels: a mole of one millimetre still covers a few."""


ENLARGED = 1.05
"""Factor up to which a preview is enlarged for drawing instead of decoding the photo, as the loss
can't be seen. XFeat's image size is 1.024 times that of a preview."""


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """A whole photo scaled down to `PREVIEW_SIDE`, for the blob detector and for drawing.

    `mask` is (height, width) bool, True where pixels are valid; None if all are.
    """

    pixels: Pixels
    mask: Mask | None

    def __post_init__(self) -> None:
        if self.mask is not None and self.mask.shape != self.pixels.shape[:2]:
            raise ValueError(f"a mask of {self.mask.shape} for pixels of {self.pixels.shape}")

    @property
    def size(self) -> Size:
        return Size(self.pixels.shape[1], self.pixels.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A part of a photo in full resolution.

    `pixels` is (height, width, 3) uint8 RGB and `mask` (height, width) bool; None if the photo has
    no mask.
    """

    pixels: Pixels
    mask: Mask | None

    def part(self, rows: slice, columns: slice) -> "Region":
        """A part of the region; nothing is copied."""
        mask = None if self.mask is None else self.mask[rows, columns]
        return Region(self.pixels[rows, columns], mask)


class Tiles(Protocol):
    """Parts of a photo that are known without decoding it."""

    def region(
        self,
        rows: slice,
        columns: slice,
        decode: Callable[[slice, slice], Region],
        *,
        is_decoded: bool,
    ) -> Region:
        """The rows and columns of the photo, which lie inside it.

        `decode` returns any rows and columns, and decodes the whole photo for it unless it
        `is_decoded` already.
        """


class Photo:
    """A photo as shown (EXIF rotation applied), decoded on first use of its pixels.

    `load` returns (height, width, 3) uint8 RGB, or a Pillow image in mode RGB that has no other
    user; `load_mask` returns a (height, width) bool mask or None. `name` is for messages. `key`
    returns a text that identifies the present content of photo and mask; without it nothing about
    the photo is cached on disk. `preview` returns a preview that exists already, which saves
    decoding the photo where a preview is enough, and so do `tiles` where parts are.
    """

    def __init__(  # noqa: PLR0913 - the last ones are optional
        self,
        name: str,
        size: Size,
        load: Callable[[], ImageOrPixels | ImageBuffer],
        load_mask: Callable[[], Mask | None] = lambda: None,
        key: Callable[[], str] | None = None,
        preview: Callable[[], Preview] | None = None,
        *,
        tiles: Tiles | None = None,
    ) -> None:
        self.name = name
        self.size = size
        self.key = key
        # None of these refers back to the photo, so its pixels are freed with the photo.
        self._preview = preview
        self._tiles = tiles
        self._buffer = Lazy(lambda: _checked(load(), name, size))
        self._mask = Lazy(load_mask)
        self._scaled: tuple[Size, Pixels] | None = None

    @classmethod
    def of(cls, pixels: Pixels, mask: Mask | None = None, *, name: str = "photo") -> "Photo":
        """A photo from an array. Raises ValueError unless it is (height, width, 3) uint8."""
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError(
                f"{name}: pixels must be (height, width, 3) uint8 RGB, "
                f"not {pixels.shape} {pixels.dtype}"
            )
        size = Size(pixels.shape[1], pixels.shape[0])
        return cls(name, size, lambda: pixels, lambda: mask)

    def __repr__(self) -> str:
        return f"Photo({self.name!r}, {self.size})"

    def prefetch(self) -> None:
        """Start decoding pixels and mask in threads, as they will be needed soon."""
        self._buffer.prefetch()
        self._mask.prefetch()

    def wait(self) -> None:
        """Wait for what was prefetched. Raises nothing: an error is raised where it is used."""
        self._buffer.wait()
        self._mask.wait()

    @property
    def pixels(self) -> Pixels:
        """(height, width, 3) uint8 RGB."""
        return self._buffer.get().pixels

    @property
    def mask(self) -> Mask | None:
        """(height, width) bool, True where pixels are valid; None if all are."""
        mask = self._mask.get()
        if mask is not None and mask.shape != (self.size.height, self.size.width):
            raise ValueError(f"{self.name}: expected a mask of {self.size}, got {mask.shape}")
        return mask

    def part(self, rows: slice, columns: slice) -> Pixels:
        """The pixels of a part, which lies inside; decodes the photo, but makes no whole array."""
        return self._buffer.get().part(rows, columns)

    def region(self, rows: slice, columns: slice) -> Region:
        """A part of the photo in full resolution, which must lie inside it."""

        def decoded(rows: slice, columns: slice) -> Region:
            mask = self.mask
            part = None if mask is None else mask[rows, columns]
            return Region(self.part(rows, columns), part)

        if self._tiles is None:
            return decoded(rows, columns)
        return self._tiles.region(rows, columns, decoded, is_decoded=self._buffer.is_loading)

    def masks_out(self, point: Point) -> bool:
        """Whether the mask hides a point, which must lie inside the photo."""
        x, y = point.pixel
        return self.mask is not None and not self.mask[y, x]

    @property
    def is_small(self) -> bool:
        """Whether the photo is small enough to be its own preview."""
        return self.size.longest <= PREVIEW_SIDE

    @cached_property
    def preview(self) -> Preview:
        """The photo scaled down to `PREVIEW_SIDE`; a small photo is its own preview."""
        if self._preview is not None:
            return self._preview()
        if self.is_small:
            return Preview(self.pixels, self.mask)
        size = fitted(self.size, PREVIEW_SIDE)
        mask = None if self.mask is None else valid_cells(self.mask, size.height, size.width)
        return Preview(self._buffer.get().resized(size), mask)

    def displayed(self, size: Size) -> Pixels:
        """The pixels at another size, for drawing: from the preview if that is large enough."""
        if size.longest <= ENLARGED * self.preview.size.longest:
            return resized(self.preview.pixels, size)
        return self.scaled(size)

    def with_preview(self, preview: Callable[[], Preview], tiles: Tiles | None = None) -> "Photo":
        """The same photo with shared pixels, and a preview and tiles that exist already."""
        return Photo(
            self.name,
            self.size,
            self._buffer.get,
            lambda: self.mask,
            self.key,
            preview,
            tiles=tiles,
        )

    def painted(self, colour: Colour | Callable[[], Colour]) -> "Photo":
        """The same photo with every pixel outside its mask set to `colour`.

        A function is called for the colour only when pixels are painted.
        """

        def load() -> ImageBuffer:
            # The unpainted photo need not stay in memory beside the painted one.
            buffer, is_sole_owner = self._buffer.take()
            if self.mask is None:
                return buffer
            paint = colour() if callable(colour) else colour
            return buffer.painted(self.mask, paint, in_place=is_sole_owner)

        return Photo(self.name, self.size, load, lambda: self.mask)

    def crop(self, left: int, top: int, size: Size, colour: Colour) -> "Photo":
        """A window of the photo; (left, top) is its top left corner and may lie outside.

        Pixels beyond the edge of the photo have `colour` and are masked out. A point p of the photo
        is the point p - (left, top) of the window.
        """
        rows = slice(max(0, top), min(self.size.height, top + size.height))
        columns = slice(max(0, left), min(self.size.width, left + size.width))
        inside = (
            slice(rows.start - top, max(rows.start, rows.stop) - top),
            slice(columns.start - left, max(columns.start, columns.stop) - left),
        )

        def load() -> Pixels:
            # Not `self.pixels`, for which the whole photo would be copied to an array.
            part = self.part(rows, columns)
            if part.shape[:2] == (size.height, size.width):
                return part
            pixels = np.full((size.height, size.width, 3), colour, dtype=np.uint8)
            pixels[inside] = part
            return pixels

        def load_mask() -> Mask | None:
            whole = (
                rows.stop - rows.start == size.height,
                columns.stop - columns.start == size.width,
            )
            if self.mask is None and all(whole):
                return None
            mask = np.zeros((size.height, size.width), dtype=bool)
            mask[inside] = True if self.mask is None else self.mask[rows, columns]
            return mask

        return Photo(f"a window of {self.name}", size, load, load_mask)

    def scaled(self, size: Size) -> Pixels:
        """The pixels at another size, area-averaged; the result for the last size is retained."""
        if self._scaled is None or self._scaled[0] != size:
            self._scaled = size, self._buffer.get().resized(size)
        return self._scaled[1]

    def valid_cells(self, grid: PatchGrid) -> Mask:
        """(rows, columns) bool: the cells with at least half their area inside the mask."""
        if self.mask is None:
            return np.ones((grid.rows, grid.columns), dtype=bool)
        return valid_cells(self.mask, grid.rows, grid.columns)


def prefetch_in_turn(*photos: Photo) -> None:
    """Start decoding photos in a thread, one after the other, for use in that order.

    Decoded at once, they take the cores from what is computed meanwhile.
    """

    def decode() -> None:
        for photo in photos:
            photo.prefetch()
            photo.wait()

    threading.Thread(target=decode, daemon=True).start()


def _checked(data: ImageOrPixels | ImageBuffer, name: str, size: Size) -> ImageBuffer:
    buffer = data if isinstance(data, ImageBuffer) else ImageBuffer(data)
    if buffer.size != size:
        raise ValueError(f"{name}: expected {size} RGB pixels, got {buffer.size}")
    return buffer
