"""From names and options to the stages of one run: chosen once, checked before use."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mel_debug.core.errors import UsageError
from mel_debug.core.limits import max_pixels
from mel_debug.core.stages import (
    ArtifactCache,
    BuildOptions,
    FeatureExtractor,
    Matcher,
    Renderer,
    StageSpec,
)
from mel_debug.plugins.checked import checked_extractor, checked_matcher, checked_renderer
from mel_debug.plugins.presets import PLAIN, PRESETS, Preset
from mel_debug.plugins.registry import Registry, load_registry

if TYPE_CHECKING:
    from mel_debug.cache.features import CachedFeatures
    from mel_debug.cache.store import FileStore
    from mel_debug.core.types import Photo
    from mel_debug.matching.features import Features, PhotoFeatures
    from mel_debug.matching.tiles import Progress

DEFAULT_DINO_SIZE = "base"
DEFAULT_OVERLAP = 0.25


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What a person or script asks for; None leaves it to the extractor or the preset.

    `image_size` and `window` are scaled pixels, `overlap` a share of the window, and
    `stage_options` texts by option name. `cache_dir` None is the folder of the environment or the
    platform, and `cache_bytes` None the environment's limit. `threads` None is what
    OMP_NUM_THREADS allows, if it is set.
    """

    extractor: str | None = None
    dino_size: str | None = None
    matcher: str | None = None
    renderer: str = "heatmap"
    preset: str | None = None
    image_size: int | None = None
    window: int | None = None
    overlap: float | None = None
    refine: bool = False
    device: str = "auto"
    weights: Path | None = None
    offline: bool = False
    runtime: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    cache_dir: Path | None = None
    cache_bytes: int | None = None
    no_cache: bool = False
    stage_options: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ResolvedRun:
    """The offers of one run and their options, all of them known to be valid; nothing is built.

    `image_size` None means full resolution, in windows. `cache` None means that nothing is
    remembered.
    """

    extractor: StageSpec[FeatureExtractor]
    matcher: StageSpec[Matcher]
    renderer: StageSpec[Renderer]
    preset: str | None
    image_size: int | None
    window: int | None
    overlap: float
    refine: bool
    options: BuildOptions
    given: Mapping[str, str]
    cache: "FileStore | None" = None

    def build_extractor(self) -> FeatureExtractor:
        """Raises MelError, also when the weights can't be had."""
        return self.extractor.build(self._options_of(self.extractor))

    def extractor_identity(self) -> str | None:
        """What its vectors depend on besides pixels, such as the content of the weights.

        None for an extractor that does not say. Where it is not known before the extractor is
        built, as with weights that have to be downloaded, it is built. Raises MelError, also when
        the weights can't be had.
        """
        keeping = self.options.keeping
        if self.extractor.depends_on is None or keeping is None:
            return None
        from mel_debug.cache.lazy_extractor import LazyExtractor

        lazy = LazyExtractor(self.extractor, self._options_of(self.extractor), keeping.digest)
        identity = lazy.identity()
        if identity is None:
            _ = lazy.built
            identity = lazy.identity()
        return identity

    def build_features(
        self, track: "Progress | None" = None, expecting: "Sequence[Photo]" = ()
    ) -> "Features":
        """What describes the photos of the run.

        With a cache the extractor is built at the first photo whose features it does not have, else
        now. The photos that are `expecting` to be described are decoded while it is built. See
        `build_extractor`.
        """
        if self.cache is None or self.extractor.depends_on is None:
            for photo in expecting:
                photo.prefetch()
            return self._describing(self.build_extractor(), track)
        features = self.build_cached_features(track)
        features.expect(expecting)
        return features

    def build_cached_features(self, track: "Progress | None" = None) -> "CachedFeatures":
        """The features of photos, remembered in the cache; the extractor is not built yet.

        Raises UsageError without a cache, or when the extractor's features can't be remembered.
        """
        if self.cache is None:
            raise UsageError("features are kept in a cache; leave out --no-cache")
        if self.extractor.depends_on is None:
            raise UsageError(
                f"{self.extractor.name} does not tell what its features depend on, so they can't "
                "be kept; its offer needs a depends_on"
            )
        from mel_debug.cache.digests import Digests
        from mel_debug.cache.features import CachedFeatures
        from mel_debug.cache.lazy_extractor import LazyExtractor

        digests = Digests(self.cache.folder)
        extractor = LazyExtractor(self.extractor, self._options_of(self.extractor), digests.of)
        return CachedFeatures(extractor, self._describing(extractor, track), self.cache)

    def _describing(self, extractor: FeatureExtractor, track: "Progress | None") -> "PhotoFeatures":
        from mel_debug.matching.features import PhotoFeatures
        from mel_debug.matching.tiles import Windows, no_progress

        windows = None if self.window is None else Windows(self.window, self.overlap)
        return PhotoFeatures(
            extractor, self.image_size, windows, track or no_progress, self._reads_pixels
        )

    @property
    def _reads_pixels(self) -> bool:
        """Whether anything looks at photos again once they are described."""
        return self.refine or self.matcher.reads_pixels or self.renderer.reads_pixels

    def build_matcher(self) -> Matcher:
        """The matcher, made to look again at native resolution if that was asked for."""
        matcher = self.matcher.build(self._options_of(self.matcher))
        if not self.refine:
            return matcher
        from mel_debug.matching.refine import Refined

        return Refined(matcher, self.image_size or self.extractor.image_size)

    def build_renderer(self) -> Renderer:
        return self.renderer.build(self._options_of(self.renderer))

    def _options_of(self, offer: StageSpec[object]) -> BuildOptions:
        return replace(self.options, values=offer.values(self.given))


def resolve(wanted: RunConfig) -> ResolvedRun:
    """Look up and check everything a run is asked to use. Raises UsageError."""
    max_pixels()  # a setting that is no number is a fault of the command, not of each photo
    registry = load_registry()
    extractor = _extractor(registry, wanted)
    name = wanted.preset or extractor.preset
    preset = PLAIN if name is None else _preset(name)
    matcher = registry.matcher(wanted.matcher or preset.matcher)
    renderer = registry.renderer(wanted.renderer)
    known = {option.name for option in matcher.options}
    given = {key: text for key, text in preset.options.items() if key in known}
    given |= wanted.stage_options or {}
    choice = ResolvedRun(
        checked_extractor(extractor, registry.plugin_of("extractors", extractor.name)),
        checked_matcher(matcher, registry.plugin_of("matchers", matcher.name)),
        checked_renderer(renderer, registry.plugin_of("renderers", renderer.name)),
        name,
        wanted.image_size or (None if wanted.window else extractor.image_size),
        wanted.window,
        DEFAULT_OVERLAP if wanted.overlap is None else wanted.overlap,
        wanted.refine,
        _build_options(wanted),
        given,
        _cache(wanted),
    )
    _check_runtime(wanted, extractor)
    _check_size("--image-size", wanted.image_size, extractor)
    _check_size("--window", wanted.window, extractor)
    if wanted.overlap is not None and wanted.window is None:
        raise UsageError("--overlap belongs to windows; give --window N as well")
    _check_options(choice)
    return choice


def _extractor(registry: Registry, wanted: RunConfig) -> StageSpec[FeatureExtractor]:
    if wanted.extractor and wanted.dino_size:
        raise UsageError("--dino-size and --extractor exclude each other; give one of them")
    return registry.extractor(wanted.extractor or f"dinov3-{wanted.dino_size or DEFAULT_DINO_SIZE}")


def _cache(wanted: RunConfig) -> "FileStore | None":
    if wanted.no_cache:
        return None
    from mel_debug.cache.location import open_store

    return open_store(wanted.cache_dir, wanted.cache_bytes)


def _build_options(wanted: RunConfig) -> BuildOptions:
    """Every precision but f32 has to be asked for.

    What a stage can make again is kept with `no_cache` as well: it tells nothing of any photo.
    """
    from mel_debug.cache.digests import Digests
    from mel_debug.files.user_dirs import cache_folder, graph_folder

    cache = wanted.cache_dir or cache_folder()
    return BuildOptions(
        wanted.device,
        wanted.weights,
        wanted.offline,
        runtime=wanted.runtime,
        precision="f32" if wanted.precision == "auto" else wanted.precision,
        threads=wanted.threads or _threads_allowed(),
        keeping=ArtifactCache(graph_folder(cache), Digests(cache).of),
    )


def _threads_allowed() -> int | None:
    """What the environment allows each library; workers are started with it."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return int(told) if told.isdecimal() and int(told) > 0 else None


def _preset(name: str) -> Preset:
    if name not in PRESETS:
        raise UsageError(f"no preset named {name!r}; try one of: {', '.join(PRESETS)}")
    return PRESETS[name]


def _check_runtime(wanted: RunConfig, extractor: StageSpec[FeatureExtractor]) -> None:
    for option, value, there in (
        ("--runtime", wanted.runtime, extractor.runtimes),
        ("--precision", wanted.precision, extractor.precisions),
    ):
        if value not in ("auto", *there):
            raise UsageError(
                f"{extractor.name} can't be had with {option} {value}; try one of: "
                f"{', '.join(('auto', *there))}"
            )


def _check_size(option: str, size: int | None, extractor: StageSpec[FeatureExtractor]) -> None:
    patch = extractor.patch
    if size is None or patch is None or (size >= patch and size % patch == 0):
        return
    below = max(patch, size - size % patch)
    raise UsageError(
        f"{option} {size} does not divide by the {patch} px patch of {extractor.name}; "
        f"try {below} or {below + patch}"
    )


def _check_options(choice: ResolvedRun) -> None:
    offers: tuple[StageSpec[object], ...] = (choice.extractor, choice.matcher, choice.renderer)
    known = {option.name for offer in offers for option in offer.options}
    for name in choice.given:
        if name not in known:
            names = ", ".join(offer.name for offer in offers)
            there = f"they have: {', '.join(sorted(known))}" if known else "they have none"
            raise UsageError(f"none of {names} has an option {name!r}; {there}")
    for offer in offers:
        offer.values(choice.given)
