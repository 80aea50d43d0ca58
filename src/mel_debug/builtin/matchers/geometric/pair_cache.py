"""Pairs of photos that are matched once: in memory for the next mole, on disk for the next run."""

from collections.abc import Callable
from dataclasses import dataclass
from weakref import ReferenceType, ref

from mel_debug.builtin.matchers.geometric.keys import key_of
from mel_debug.builtin.matchers.geometric.pair_encoding import FORMAT, decode, encode
from mel_debug.builtin.matchers.geometric.photo_pair import PhotoPair, match_pair
from mel_debug.builtin.matchers.geometric.variants import Variants
from mel_debug.core.photo import prefetch_in_turn
from mel_debug.core.stages import FeatureExtractor, ResultCache
from mel_debug.core.types import FeatureMap, Vectors

MOST_PAIRS = 64
"""Pairs in memory, of about a megabyte each."""


@dataclass(slots=True)
class Recent:
    """A pair in memory, with the key and the vectors of its photos, which are not kept alive.

    `stored` is the number of its blobs on the disk, -1 if it is not there.
    """

    pair: PhotoPair
    key: str | None
    vectors: tuple[ReferenceType[Vectors], ReferenceType[Vectors]]
    stored: int = -1

    def is_of(self, key: str | None, source: FeatureMap, target: FeatureMap) -> bool:
        """Whether this is the pair of two photos: those of the same key, or the same vectors."""
        if key is not None:
            return self.key == key
        one, other = self.vectors
        return one() is source.vectors and other() is target.vectors


class PairCache:
    """The pairs of photos that were matched last, and those in `results`, if anything is stored."""

    def __init__(self, results: ResultCache | None = None) -> None:
        self._results = results
        self._recent: list[Recent] = []
        self._provisional: Recent | None = None

    def of(
        self,
        source: FeatureMap,
        target: FeatureMap,
        extractor: FeatureExtractor,
        meanwhile: Callable[[], None] | None = None,
    ) -> PhotoPair:
        """The pair of two photos, from memory, from the disk, or matched now.

        `meanwhile` is called while they are matched; until it returns, the pair is what is known of
        it by then, which is never stored.
        """
        key, vectors = _key(source, target), (ref(source.vectors), ref(target.vectors))
        if self._provisional is not None and self._provisional.is_of(key, source, target):
            return self._provisional.pair
        known = self._known(source, target)
        if known is None:
            pair = self._read(key)
            stored = -1 if pair is None else len(pair.blobs)
            if pair is None:
                # Decoded while the first matches are found; the source is used by windows only.
                prefetch_in_turn(target.photo, source.photo)

                def provisional(pair: PhotoPair) -> None:
                    if meanwhile is not None:
                        self._call(meanwhile, Recent(pair, key, vectors))

                pair = match_pair(source, target, extractor, Variants(self._results), provisional)
            known = Recent(pair, key, vectors, stored)
        self._recent = [known, *(each for each in self._recent if each is not known)][:MOST_PAIRS]
        return known.pair

    def _call(self, meanwhile: Callable[[], None], provisional: Recent) -> None:
        before, self._provisional = self._provisional, provisional
        try:
            meanwhile()
        finally:
            self._provisional = before

    def store(self, source: FeatureMap, target: FeatureMap) -> None:
        """Store the pair of two photos if it is new, or more of its blobs are known than before."""
        known = self._known(source, target)
        if self._results is None or known is None or known.key is None:
            return
        if len(known.pair.blobs) > known.stored:
            self._results.store(known.key, encode(known.pair))
            known.stored = len(known.pair.blobs)

    def _known(self, source: FeatureMap, target: FeatureMap) -> Recent | None:
        key = _key(source, target)
        return next((each for each in self._recent if each.is_of(key, source, target)), None)

    def _read(self, key: str | None) -> PhotoPair | None:
        stored = None if key is None or self._results is None else self._results.find(key)
        return None if stored is None else decode(stored)


def _key(source: FeatureMap, target: FeatureMap) -> str | None:
    return key_of(f"pair {FORMAT}", source.key, target.key)
