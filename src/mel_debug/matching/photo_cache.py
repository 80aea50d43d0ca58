"""A least recently used (LRU) cache of photos and their features in memory."""

import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path

from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import FeatureMap, Photo
from mel_debug.files.photos import read_photo
from mel_debug.matching.features import Features

MOST_PIXELS = 130_000_000
"""Maximum pixels of photos in the cache; each takes six bytes, with that of the painted copy."""

MOST_PHOTOS = 16
"""Maximum number of photos in the cache, however small: scaled copies and what a matcher knows of a
photo take 17 MB even for one of a megapixel, and with it 37 MB a pair (`benchmarks/growth.py`)."""

MOST_BYTES = 400_000_000
"""Maximum bytes of feature vectors in the cache: 36 photos with XFeat, 25 with DINOv3 base."""


@dataclass(slots=True)
class PhotoCache:
    """An LRU cache of photos by path and of their feature maps, with bounded memory.

    It implements `Features` for `locate`. `seconds` is the time that extraction took, by path.
    """

    features: Features
    use_masks: bool = True
    seconds: dict[str, float] = field(default_factory=dict)
    _open: "OrderedDict[str, tuple[Photo, Photo]]" = field(default_factory=OrderedDict)
    _maps: "OrderedDict[str, FeatureMap]" = field(default_factory=OrderedDict)

    @property
    def extractor(self) -> FeatureExtractor:
        return self.features.extractor

    def photo(self, path: Path) -> Photo:
        """The photo with a path. Raises like `read_photo`."""
        return self._opened(str(path))[0]

    def of(self, photo: Photo) -> FeatureMap:
        """The feature map of a photo returned by `photo`. Raises like `PhotoFeatures.of`."""
        name = photo.name
        if name not in self._maps:
            start = time.perf_counter()
            self._maps[name] = self.features.of(photo)
            self.seconds[name] = time.perf_counter() - start
            self._open[name] = photo, self._maps[name].photo
            # The cached map must not retain the pixels.
            unread = read_photo(Path(name), use_mask=self.use_masks)
            self._maps[name] = replace(self._maps[name], photo=unread)
            self._tidy()
        self._maps.move_to_end(name)
        return replace(self._maps[name], photo=self._opened(name)[1])

    def _opened(self, name: str) -> tuple[Photo, Photo]:
        """A photo and its painted version."""
        if name not in self._open:
            photo = read_photo(Path(name), use_mask=self.use_masks)
            self._open[name] = photo, photo.painted(lambda: self.features.extractor.mean_colour)
        self._open.move_to_end(name)
        self._tidy()
        return self._open[name]

    def _tidy(self) -> None:
        def pixels() -> int:
            return sum(photo.size.width * photo.size.height for photo, _ in self._open.values())

        while len(self._open) > 2 and (pixels() > MOST_PIXELS or len(self._open) > MOST_PHOTOS):
            self._open.popitem(last=False)
        while len(self._maps) > 2 and sum(m.vectors.nbytes for m in self._maps.values()) > (
            MOST_BYTES
        ):
            self._maps.popitem(last=False)
