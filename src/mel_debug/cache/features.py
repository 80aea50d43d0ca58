"""Features of photos, computed once: later runs read them from the cache."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mel_debug.cache.encoding import StoredFeatures, decode, encode
from mel_debug.cache.lazy_extractor import LazyExtractor
from mel_debug.cache.store import FileStore
from mel_debug.core.errors import MelError
from mel_debug.core.types import FeatureMap, Photo
from mel_debug.matching.features import PhotoFeatures

FORMAT = 3
"""Raise it with any change to the layout of a file, to what happens to pixels before an extractor
sees them, or to what an extractor that ships makes of them: old files are then never read again."""


@dataclass(frozen=True, slots=True)
class CachedFeatures:
    """Stands where `PhotoFeatures` does and remembers: the extractor is built at the first miss.

    What is remembered is looked up by content, so a changed photo, mask, weights file, size or
    option is a miss. A hit decodes neither photo nor mask, and has a preview at hand. A miss gives
    what later hits will give, to the bit.
    """

    extractor: LazyExtractor
    features: PhotoFeatures
    store: FileStore

    def expect(self, photos: Iterable[Photo]) -> None:
        """Begin to decode those of which nothing is remembered; they come next."""
        for photo in photos:
            key = self.key_of(photo)
            if key is None or not self.store.has(key):
                photo.prefetch()

    def of(self, photo: Photo) -> FeatureMap:
        """The feature map of a photo; see `PhotoFeatures.of`.

        On a miss the extractor is built before the photo is asked for its pixels, so that missing
        weights are told at once.
        """
        key = self.key_of(photo)
        found = None if key is None else self.recall(key)
        if found is None:
            self.features.check(photo)
            colour = self.extractor.mean_colour
            key = key or self.key_of(photo)
            if key is None:
                return self.features.of(photo)
            seen = self.features.of(photo)
            preview = None if seen.photo.is_small else seen.photo.preview
            found = StoredFeatures.of(seen.grid, seen.vectors, seen.valid, colour, preview)
            if self.key_of(photo) == key:
                self.store.try_write(key, encode(key, found))
            return _mapped(seen.photo, found)
        return _mapped(photo.painted(found.colour), found)

    def recall(self, key: str) -> StoredFeatures | None:
        """What the cache has for a key; None for nothing, or nothing that can be used."""
        data = self.store.read(key)
        return None if data is None else decode(key, data)

    def key_of(self, photo: Photo) -> str | None:
        """64 hexadecimal digits for all that a photo's features depend on; None if that is unknown.

        It follows the files as they are now. Raises MelError when they can't be read.
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


def _mapped(painted: Photo, found: StoredFeatures) -> FeatureMap:
    if found.grid.photo != painted.size:
        raise MelError(f"{painted.name} changed while it was read; run again")
    if found.preview is not None:
        painted = painted.with_preview(found.preview.open)
    vectors = found.vectors.astype(np.float32, copy=False)
    return FeatureMap(painted, found.grid, vectors, found.valid)
