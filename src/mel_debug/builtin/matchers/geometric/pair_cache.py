"""Pairs of photos that are matched once: in memory for the next mole, on disk for the next run."""

import functools
import hashlib
import json
from collections import OrderedDict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mel_debug.builtin.matchers.geometric.pair_encoding import FORMAT, decode, encode
from mel_debug.builtin.matchers.geometric.photo_pair import PhotoPair, match_pair
from mel_debug.core.stages import FeatureExtractor, ResultCache
from mel_debug.core.types import FeatureMap

MOST_PAIRS = 64
"""Pairs in memory, of about a megabyte each."""

RELEASES = ("numpy", "opencv-python-headless", "opencv-python", "scipy")
"""Packages whose releases may change a pair."""


class PairCache:
    """The pairs of photos by the keys of their feature maps; one without a key is not retained.

    `results` is None if nothing may be stored.
    """

    def __init__(self, results: ResultCache | None = None) -> None:
        self._results = results
        self._pairs: OrderedDict[str, tuple[PhotoPair, int]] = OrderedDict()

    def of(self, source: FeatureMap, target: FeatureMap, extractor: FeatureExtractor) -> PhotoPair:
        """The pair of two photos, from memory, from the disk, or matched now."""
        key = _key(source, target)
        if key is None:
            return match_pair(source, target, extractor)
        if key not in self._pairs:
            stored = None if self._results is None else self._results.find(key)
            pair = None if stored is None else decode(stored)
            is_new = pair is None
            if pair is None:
                for features in (target, source):  # decoded while the first matches are found
                    features.photo.prefetch()
                pair = match_pair(source, target, extractor)
            # As many blobs as are on the disk; fewer than none if the pair is not there.
            self._pairs[key] = pair, -1 if is_new else len(pair.blobs)
            if len(self._pairs) > MOST_PAIRS:
                self._pairs.popitem(last=False)
        self._pairs.move_to_end(key)
        return self._pairs[key][0]

    def store(self, source: FeatureMap, target: FeatureMap) -> None:
        """Store the pair of two photos if it is new, or more of its blobs are known than before."""
        key = _key(source, target)
        if self._results is None or key is None or key not in self._pairs:
            return
        pair, stored = self._pairs[key]
        if len(pair.blobs) > stored:
            self._results.store(key, encode(pair))
            self._pairs[key] = pair, len(pair.blobs)


def _key(source: FeatureMap, target: FeatureMap) -> str | None:
    """64 hexadecimal digits for all that a pair depends on; None if it is unknown."""
    if source.key is None or target.key is None:
        return None
    parts = ["geometric", FORMAT, _code(), *_releases(), source.key, target.key]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@functools.cache
def _releases() -> tuple[str, ...]:
    found = []
    for package in RELEASES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    return tuple(found)


@functools.cache
def _code() -> str:
    """A digest of this matcher's own code, so that a pair never outlives a change of it."""
    content = hashlib.sha256(version("mel-debug").encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        content.update(module.read_bytes())
    return content.hexdigest()
