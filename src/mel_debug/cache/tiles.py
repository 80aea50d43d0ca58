"""Squares of photos in full resolution, for windows around moles, which read little of a photo.

A search in two known photos of 25 megapixels reads a few hundredths of their pixels, but decoding
them takes most of its time and memory.
"""

import hashlib
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mel_debug.cache.results import Results
from mel_debug.cache.store import FileStore, Kind
from mel_debug.core.geometry import Size
from mel_debug.core.photo import Region
from mel_debug.core.types import Mask

SIDE = 512
"""Pixels; side of a tile. It takes about 160 kB, 10 ms to encode and 5 ms to decode."""

LEAST_PIXELS = 4_000_000
"""Pixels of a photo from which tiles pay: a smaller one decodes in 0.04 s."""

MOST_STORED = 32
"""Tiles of one photo that a process stores: enough for a few moles. A search for many moles decodes
the photo once anyway, and would spend its time on storing all of it."""

FORMAT = 1
"""Part of every key; increase it with any change of the encoding."""

Place = tuple[int, int]


class StoredTiles:
    """The tiles of one photo, in memory and in a store; see `core.photo.Tiles`.

    `key` is that of the photo's features, which stands for the content of photo and mask.
    """

    def __init__(self, store: FileStore, key: str, size: Size) -> None:
        self._results = Results(store, Kind.TILE)
        self._key, self._size = key, size
        self._tiles: dict[Place, Region] = {}
        self._stored: set[Place] = set()
        self._is_storing = False

    def region(
        self,
        rows: slice,
        columns: slice,
        decode: Callable[[slice, slice], Region],
        *,
        is_decoded: bool,
    ) -> Region:
        """See `core.photo.Tiles.region`.

        Tiles are stored if the photo has to be decoded for its regions only: whoever needs the
        whole photo as well decodes it in the next run too.
        """
        places = [
            (row, column)
            for row in range(rows.start // SIDE, -(-rows.stop // SIDE))
            for column in range(columns.start // SIDE, -(-columns.stop // SIDE))
        ]
        if not is_decoded:
            if all(self._has(place) for place in places):
                return self._assembled(places, rows, columns)
            self._tiles.clear()  # from now on the whole photo is in memory
            self._is_storing = True
        region = decode(rows, columns)
        if self._is_storing:
            for place in places:
                self._store(place, decode)
        return region

    def _has(self, place: Place) -> bool:
        """Whether a tile is in memory, or in the store, from which it is read."""
        if place not in self._tiles:
            stored = self._results.find(self._key_of(place))
            tile = None if stored is None else _decoded(stored)
            if tile is None or tile.pixels.shape[:2] != self._shape(place):
                return False
            self._tiles[place] = tile
            self._stored.add(place)
        return True

    def _assembled(self, places: list[Place], rows: slice, columns: slice) -> Region:
        pixels = np.empty((rows.stop - rows.start, columns.stop - columns.start, 3), np.uint8)
        mask: Mask | None = None
        for place in places:
            tile = self._tiles[place]
            top, left = (SIDE * each for each in place)
            height, width = tile.pixels.shape[:2]
            here = (
                slice(max(top, rows.start), min(top + height, rows.stop)),
                slice(max(left, columns.start), min(left + width, columns.stop)),
            )
            there = _moved(here[0], -rows.start), _moved(here[1], -columns.start)
            part = tile.part(_moved(here[0], -top), _moved(here[1], -left))
            pixels[there] = part.pixels
            if part.mask is not None:
                mask = np.empty(pixels.shape[:2], dtype=bool) if mask is None else mask
                mask[there] = part.mask
        return Region(pixels, mask)

    def _store(self, place: Place, decode: Callable[[slice, slice], Region]) -> None:
        if place in self._stored or len(self._stored) >= MOST_STORED:
            return
        self._stored.add(place)
        (height, width), (top, left) = self._shape(place), (SIDE * each for each in place)
        tile = decode(slice(top, top + height), slice(left, left + width))
        self._results.store(self._key_of(place), _encoded(tile))

    def _shape(self, place: Place) -> tuple[int, int]:
        """Height and width; tiles at the right and lower edge are smaller."""
        height, width = self._size.height - SIDE * place[0], self._size.width - SIDE * place[1]
        return min(SIDE, height), min(SIDE, width)

    def _key_of(self, place: Place) -> str:
        text = f"tile {FORMAT} {SIDE} {place[0]} {place[1]} of {self._key}"
        return hashlib.sha256(text.encode()).hexdigest()


def _moved(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)


def _encoded(tile: Region) -> dict[str, NDArray[Any]]:
    """Deflated differences: red and blue less green, then each column less the one before."""
    planes = tile.pixels.transpose(2, 0, 1).copy()
    planes[0] -= planes[1]
    planes[2] -= planes[1]
    planes[:, :, 1:] -= planes[:, :, :-1].copy()
    content: dict[str, NDArray[Any]] = {
        "size": np.array(planes.shape[1:], dtype=np.int64),
        "planes": _deflated(planes.tobytes()),
    }
    if tile.mask is not None:
        content["mask"] = _deflated(np.packbits(tile.mask).tobytes())
    return content


def _decoded(stored: dict[str, NDArray[Any]]) -> Region | None:
    """The inverse of `_encoded`; None for other content."""
    try:
        height, width = map(int, stored["size"])
        deltas = np.frombuffer(zlib.decompress(stored["planes"].tobytes()), np.uint8)
        planes = deltas.reshape(3, height, width).cumsum(axis=2, dtype=np.uint8)
        mask = None
        if "mask" in stored:
            bits = np.frombuffer(zlib.decompress(stored["mask"].tobytes()), np.uint8)
            mask = np.unpackbits(bits, count=height * width).reshape(height, width) > 0
    except (KeyError, ValueError, zlib.error):
        return None
    planes[0] += planes[1]
    planes[2] += planes[1]
    return Region(planes.transpose(1, 2, 0), mask)


def _deflated(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(zlib.compress(data, 1), np.uint8)
