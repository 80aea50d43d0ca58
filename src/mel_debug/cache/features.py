"""Features of photos that are extracted once and read from the cache by later runs."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mel_debug.cache.encoding import StoredFeatures, decode, encode
from mel_debug.cache.lazy_extractor import LazyExtractor
from mel_debug.cache.store import FileStore
from mel_debug.cache.tiles import LEAST_PIXELS, StoredTiles
from mel_debug.core.errors import MelError
from mel_debug.core.types import FeatureMap, Photo
from mel_debug.matching.features import PhotoFeatures

FORMAT = 3
"""Part of every key, so that files of older versions are not used.

Increase it with any change to the file layout, to the preprocessing of pixels, or to the features
of a built-in extractor.
"""


@dataclass(frozen=True, slots=True)
class CachedFeatures:
    """Features from the cache, or from the extractor, which is built at the first miss.

    Keys depend on content, so a changed photo, mask, weights file, size or option is a miss. A hit
    decodes neither the photo nor its mask and provides a preview. A miss returns the same bits as
    later hits.
    """

    extractor: LazyExtractor
    features: PhotoFeatures
    store: FileStore

    def prefetch(self, photos: Iterable[Photo]) -> None:
        """Start decoding the photos that are not cached, in the background."""
        for photo in photos:
            key = self.key_of(photo)
            if key is None or not self.store.has(key):
                photo.prefetch()

    def of(self, photo: Photo) -> FeatureMap:
        """The feature map of a photo; see `PhotoFeatures.of`.

        On a miss the extractor is built before the photo is decoded, so that an error about
        missing weights comes first.
        """
        key = self.key_of(photo)
        stored = None if key is None else self.lookup(key)
        if stored is None:
            self.features.check(photo)
            colour = self.extractor.mean_colour
            key = key or self.key_of(photo)
            if key is None:
                return self.features.of(photo)
            computed = self.features.of(photo)
            painted = computed.photo
            preview = None if painted.is_small else painted.preview
            stored = StoredFeatures.of(
                computed.grid, computed.vectors, computed.valid, colour, preview
            )
            if self.key_of(photo) == key:  # else the photo changed meanwhile
                self.store.try_write(key, encode(key, stored))
            return _feature_map(painted, stored, key)
        painted = photo.painted(stored.colour)
        tiles = None
        if key is not None and photo.size.width * photo.size.height >= LEAST_PIXELS:
            tiles = StoredTiles(self.store, key, photo.size)
        return _feature_map(painted, stored, key, tiles)

    def lookup(self, key: str) -> StoredFeatures | None:
        """The features that the cache has for a key; None if it has none or they are damaged."""
        data = self.store.read(key)
        return None if data is None else decode(key, data)

    def key_of(self, photo: Photo) -> str | None:
        """64 hexadecimal digits for everything a photo's features depend on; None if it is unknown.

        Computed from the files as they are now. Raises MelError if they cannot be read.
        """
        made_by = self.extractor.identity()
        if photo.key is None or made_by is None:
            return None
        windows = self.features.windows
        depends_on = {
            "format": FORMAT,
            "made_by": made_by,
            "photo": photo.key(),
            "image_size": self.features.image_size,
            "windows": None if windows is None else [windows.side, windows.overlap],
        }
        return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()


def _feature_map(
    painted: Photo, stored: StoredFeatures, key: str | None, tiles: StoredTiles | None = None
) -> FeatureMap:
    if stored.grid.photo != painted.size:
        raise MelError(f"{painted.name} changed while it was read; run again")
    if stored.preview is not None:
        painted = painted.with_preview(stored.preview.open, tiles)
    vectors = stored.vectors.astype(np.float32, copy=False)
    return FeatureMap(painted, stored.grid, vectors, stored.valid, key)
