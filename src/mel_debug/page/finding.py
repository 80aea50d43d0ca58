"""Features, maps and places for the page, with everything about a photo computed once."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mel_debug.api import FoundMole
from mel_debug.api.settings import config_from
from mel_debug.core.geometry import PatchGrid, Point
from mel_debug.core.photo import Photo
from mel_debug.core.stages import FeatureExtractor, MapsPhotos, PhotoMap
from mel_debug.core.types import FeatureMap
from mel_debug.matching.locate import locate
from mel_debug.page.album import Album
from mel_debug.page.memory import PaintedPhoto, return_freed_memory
from mel_debug.plugins.config import ResolvedRun, RunConfig, resolve

if TYPE_CHECKING:
    from mel_debug.confidence.judge import Judge
    from mel_debug.core.stages import Matcher
    from mel_debug.matching.features import Features

MOST_MAPS = 2
"""Photos whose features are retained: those of a pair."""

KNOTS = 32
"""Intervals of a sampled map along the longer side: the matcher's warp field has 14."""

HALF_BYTE = 127
"""The length of a unit vector in int8."""


@dataclass(frozen=True, slots=True)
class SampledMap:
    """A map between two photos at the corners of a grid over the source.

    `places` is (rows + 1, columns + 1, 2) pixels of the target and `std_px` their standard
    deviations; corner (row, column) is at (column * step_x, row * step_y) in the source.
    """

    places: NDArray[np.floating]
    std_px: NDArray[np.floating]
    step: tuple[float, float]

    @classmethod
    def of(cls, photo_map: PhotoMap, source: Photo) -> "SampledMap":
        """Sample a map over the whole source."""
        size = source.size
        columns, rows = (
            max(1, round(KNOTS * side / size.longest)) for side in (size.width, size.height)
        )
        step = size.width / columns, size.height / rows
        across, down = np.meshgrid(np.arange(columns + 1), np.arange(rows + 1))
        points = np.stack([across * step[0], down * step[1]], axis=-1).reshape(-1, 2)
        shape = (rows + 1, columns + 1)
        places, std = photo_map.points(points), photo_map.std_px(points)
        return cls(places.reshape(*shape, 2), std.reshape(shape), step)

    def scale_at(self, point: Point) -> float:
        """Pixels of the target for each pixel of the source, in the cell around a point."""
        rows, columns = self.std_px.shape
        row = min(max(int(point.y / self.step[1]), 0), rows - 2)
        column = min(max(int(point.x / self.step[0]), 0), columns - 2)
        corner = self.places[row, column]
        across = (self.places[row, column + 1] - corner) / self.step[0]
        down = (self.places[row + 1, column] - corner) / self.step[1]
        return float(np.sqrt(abs(across[0] * down[1] - across[1] * down[0])))

    def as_json(self) -> dict[str, Any]:
        """Rounded to what a person can see: 1/10 px."""
        return {
            "columns": self.std_px.shape[1],
            "rows": self.std_px.shape[0],
            "step": list(self.step),
            "places": np.clip(np.round(self.places.ravel(), 1), -1e6, 1e6).tolist(),
            "std": np.clip(np.round(self.std_px.ravel(), 1), 0, 1e6).tolist(),
        }


@dataclass(frozen=True, slots=True)
class PackedFeatures:
    """The features of a photo as bytes: unit vectors in int8, and which cells are valid."""

    grid: PatchGrid
    dimensions: int
    vectors: bytes
    valid: bytes

    @classmethod
    def of(cls, features: FeatureMap) -> "PackedFeatures":
        vectors = features.vectors
        lengths = np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
        packed = np.rint(vectors * (HALF_BYTE / lengths)).astype(np.int8)
        valid = features.valid.astype(np.uint8)
        return cls(features.grid, features.dimensions, packed.tobytes(), valid.tobytes())

    @property
    def head(self) -> tuple[int, int, int]:
        """Rows, columns and dimensions."""
        return self.grid.rows, self.grid.columns, self.dimensions

    def as_bytes(self) -> bytes:
        """Three uint32 (little endian): rows, columns, dimensions; then vectors, then valid."""
        return np.array(self.head, dtype="<u4").tobytes() + self.vectors + self.valid


@dataclass(slots=True, weakref_slot=True)
class _Maps:
    """The feature maps of photos by identity; `Features` for `locate`."""

    features: "Features"
    _maps: "OrderedDict[Photo, FeatureMap]" = field(default_factory=OrderedDict)

    @property
    def extractor(self) -> FeatureExtractor:
        return self.features.extractor

    def of(self, photo: Photo) -> FeatureMap:
        """See `Features.of`; the same object while it is retained. It shares the photo's pixels."""
        if photo not in self._maps:
            found = self.features.of(photo)
            preview = found.photo.preview
            shared = PaintedPhoto(photo, lambda: self.extractor.mean_colour, lambda: preview)
            self._maps[photo] = replace(found, photo=shared)
        self._maps.move_to_end(photo)
        while len(self._maps) > MOST_MAPS:
            self._maps.popitem(last=False)
        return self._maps[photo]


class PageFinder:
    """Computes what the page shows of a pair of photos. Only one thread may use it."""

    def __init__(self, run: ResolvedRun, album: Album) -> None:
        self.run, self.album = run, album
        self._sampled: dict[tuple[int, int], SampledMap | None] = {}
        self._matching: set[tuple[int, int]] = set()

    @cached_property
    def _maps(self) -> _Maps:
        return _Maps(self.run.build_features())

    @cached_property
    def _matcher(self) -> "Matcher":
        return self.run.build_matcher()

    @cached_property
    def _judge(self) -> "Judge":
        return self.run.judge()

    def load(self, number: int) -> None:
        """Get what the page will need first of a photo. Raises like `features`."""
        self.album.preview(number)  # before the features, so that both decode the photo only once
        self._maps.of(self.album.photo(number))

    def features(self, number: int) -> PackedFeatures:
        """The features of a photo. Raises MelError, for example for a damaged photo."""
        packed = PackedFeatures.of(self._maps.of(self.album.photo(number)))
        return_freed_memory()
        return packed

    def sampled_map(
        self, source: int, target: int, meanwhile: Callable[[], None] | None = None
    ) -> SampledMap | None:
        """The map of a pair; None if the photos share too little, or the matcher makes none.

        `meanwhile` is called while they are matched; what it finds is provisional.
        """
        pair = source, target
        if pair not in self._sampled:
            self._matching.add(pair)
            try:
                self._sampled[pair] = self._matched(source, target, meanwhile)
            finally:
                self._matching.discard(pair)
            return_freed_memory()
            for number in pair:  # for the first click; a known pair has decoded neither
                self.album.photo(number).prefetch()
        return self._sampled[pair]

    def prepare(self, source: int, target: int, meanwhile: Callable[[], None]) -> None:
        """Match a pair unless that is done or under way; see `sampled_map`."""
        if not self.is_matching(source, target):
            self.sampled_map(source, target, meanwhile)

    def is_matching(self, source: int, target: int) -> bool:
        """Whether the photos are being matched, so that what is found is provisional."""
        return (source, target) in self._matching

    def _matched(
        self, source: int, target: int, meanwhile: Callable[[], None] | None
    ) -> SampledMap | None:
        photo, other = self.album.photo(source), self.album.photo(target)
        here, there = self._maps.of(photo), self._maps.of(other)
        found = None
        if isinstance(self._matcher, MapsPhotos):
            found = self._matcher.photo_map(here, there, self._maps.extractor, meanwhile)
        return None if found is None else SampledMap.of(found, photo)

    def find(self, source: int, point: Point, target: int, uuid: str) -> FoundMole:
        """Find the mole at a point of the source in the target. Raises MelError."""
        views = [(uuid, [(self.album.photo(source), point)])]
        located = locate(views, self.album.photo(target), self._maps, self._matcher, self._judge)
        return FoundMole(located.queries[0], located.target, located.matches[0], self.run)


def run_of(settings: RunConfig | Mapping[str, Any]) -> ResolvedRun:
    """The stages of the settings. Raises UsageError for a wrong one."""
    return resolve(settings if isinstance(settings, RunConfig) else config_from(settings))
