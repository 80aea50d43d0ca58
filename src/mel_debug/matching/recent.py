"""The feature maps of the last few photos, for the next mole in them."""

from collections import OrderedDict
from dataclasses import dataclass, field

from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import FeatureMap, Photo
from mel_debug.matching.features import Features
from mel_debug.matching.photo_cache import MOST_PHOTOS, MOST_PIXELS


@dataclass(slots=True)
class RecentFeatures:
    """Features of photos by name and content, with bounded memory; implements `Features`.

    At least two photos are retained; of more at most `MOST_PHOTOS`, and `MOST_PIXELS` pixels.
    Photos without a key are not, as they may change.
    """

    features: Features
    _maps: "OrderedDict[tuple[str, str], FeatureMap]" = field(default_factory=OrderedDict)

    @property
    def extractor(self) -> FeatureExtractor:
        return self.features.extractor

    def of(self, photo: Photo) -> FeatureMap:
        """See `Features.of`; a retained map has the photo that it was computed for."""
        if photo.key is None:
            return self.features.of(photo)
        key = photo.name, photo.key()
        if key not in self._maps:
            self._maps[key] = self.features.of(photo)
            self._tidy()
        self._maps.move_to_end(key)
        return self._maps[key]

    def _tidy(self) -> None:
        def pixels() -> int:
            return sum(one.photo.size.width * one.photo.size.height for one in self._maps.values())

        while len(self._maps) > 2 and (pixels() > MOST_PIXELS or len(self._maps) > MOST_PHOTOS):
            self._maps.popitem(last=False)
