"""StageSpecs that count their work, and caches over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mel_debug.cache.digests import Digests
from mel_debug.cache.features import CachedFeatures
from mel_debug.cache.lazy_extractor import LazyExtractor
from mel_debug.cache.store import FileStore
from mel_debug.core.option import Option
from mel_debug.core.stages import BuildOptions, FeatureExtractor, StageSpec
from mel_debug.core.types import Colour, Pixels, Vectors
from mel_debug.files.photos import mask_path
from mel_debug.matching.features import PhotoFeatures
from mel_debug.matching.tiles import Windows
from workbench import PatchColours, save, skin

SIZE = 64


@dataclass
class Counting:
    """A toy extractor that notes the shapes it is given and how often it was built."""

    shapes: list[tuple[int, ...]] = field(default_factory=list)
    built: list[BuildOptions] = field(default_factory=list)
    inner: Any = field(default_factory=PatchColours)
    patch: int = 8
    mean_colour: Colour = (10, 200, 30)

    def extract(self, images: Pixels) -> Vectors:
        self.shapes.append(images.shape)
        vectors: Vectors = self.inner.extract(images)
        return vectors

    @property
    def photos(self) -> int:
        return sum(shape[0] for shape in self.shapes)

    def build(self, options: BuildOptions) -> "Counting":
        self.built.append(options)
        return self


def offer(
    counting: Counting,
    *depends_on: str | Path,
    name: str = "toy",
    options: tuple[Option, ...] = (),
) -> StageSpec[FeatureExtractor]:
    def parts(build: BuildOptions) -> Sequence[str | Path]:
        return *depends_on, *([build.weights] if build.weights else [])

    return StageSpec(
        name, "a toy", build=counting.build, options=options, patch=8, depends_on=parts
    )


def cached(
    folder: Path,
    offered: StageSpec[FeatureExtractor],
    *,
    image_size: int | None = SIZE,
    windows: Windows | None = None,
    build: BuildOptions | None = None,
    given: Mapping[str, str] | None = None,
) -> CachedFeatures:
    """A cache in a folder over an offer, as `ResolvedRun.build_features` makes it."""
    options = replace(build or BuildOptions(), values=offered.values(given or {}))
    lazy = LazyExtractor(offered, options, Digests(folder).of)
    return CachedFeatures(lazy, PhotoFeatures(lazy, image_size, windows), FileStore(folder, 10**9))


def photo(folder: Path, *, seed: int = 0, masked: bool = False, name: str = "photo.png") -> Path:
    """A photo of 96 x 64 pixels; its mask keeps the left two thirds."""
    picture = skin(96, 64, seed)
    path = save(picture, folder / name)
    if masked:
        save(half_mask(64), mask_path(path))
    return path


def half_mask(keep: int) -> Any:
    mask = skin(96, 64)[..., 0] * 0
    mask[:, :keep] = 255
    return mask
