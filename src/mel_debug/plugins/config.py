"""From names and options to the stages of one run: chosen once, checked before use."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mel_debug.builtin.defaults import dinov3_name
from mel_debug.confidence.calibrations import DEFAULT_THRESHOLD, key_for
from mel_debug.core.errors import UsageError
from mel_debug.core.limits import max_pixels
from mel_debug.core.stages import (
    ArtifactCache,
    BuildOptions,
    FeatureExtractor,
    Matcher,
    OptionValue,
    Preset,
    Renderer,
    StageSpec,
)
from mel_debug.plugins.checked import checked_extractor, checked_matcher, checked_renderer
from mel_debug.plugins.registry import Registry, load_registry

if TYPE_CHECKING:
    from mel_debug.cache.features import CachedFeatures
    from mel_debug.cache.store import FileStore
    from mel_debug.confidence.judge import Judge
    from mel_debug.core.types import Photo
    from mel_debug.matching.features import Features, PhotoFeatures
    from mel_debug.matching.tiles import Progress

PLAIN = Preset("plain", "the most similar patch by cosine, at its centre", "cosine")
"""What a run without a preset does."""

DEFAULT_OVERLAP = 0.25

MOST_THREADS = 1024
"""More than any machine has cores; tens of thousands end in a segmentation fault of OpenMP."""


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What a person or script asks for; None leaves it to the extractor or the preset.

    `image_size` and `window` are scaled pixels, `overlap` a share of the window, and
    `stage_options` values or texts by option name, or `STAGE.NAME`. `cache_dir` None is the folder of the environment or the
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
    stage_options: Mapping[str, OptionValue] | None = None


@dataclass(frozen=True, slots=True)
class ResolvedRun:
    """The stages of one run and their options, all of them checked; nothing is built yet.

    `values` has the options of each stage, by `extractor`, `matcher` and `renderer`.
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
    values: Mapping[str, Mapping[str, OptionValue]]
    cache: "FileStore | None" = None

    @property
    def calibration_key(self) -> str:
        """The name under which the calibration of this extractor and matcher is stored."""
        return key_for(self.extractor.calibration_family, self.matcher.name)

    def judge(self, threshold: float = DEFAULT_THRESHOLD) -> "Judge":
        """What turns the evidence of this run's matches into confidence.

        Matches below `threshold` are uncertain. Raises MelError for a damaged calibration file.
        """
        from mel_debug.confidence.judge import judge_for

        return judge_for(self.calibration_key, threshold)

    def build_extractor(self) -> FeatureExtractor:
        """Raises MelError, also when the weights can't be had."""
        return self.extractor.build(self._options_of("extractor"))

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

        lazy = LazyExtractor(self.extractor, self._options_of("extractor"), keeping.digest)
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
            raise UsageError("features are kept in a cache; leave out `cache=False`")
        if self.extractor.depends_on is None:
            raise UsageError(
                f"{self.extractor.name} does not tell what its features depend on, so they can't "
                "be kept; its offer needs a depends_on"
            )
        from mel_debug.cache.digests import Digests
        from mel_debug.cache.features import CachedFeatures
        from mel_debug.cache.lazy_extractor import LazyExtractor

        digests = Digests(self.cache.folder)
        extractor = LazyExtractor(self.extractor, self._options_of("extractor"), digests.of)
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
        matcher = self.matcher.build(self._options_of("matcher"))
        if not self.refine:
            return matcher
        from mel_debug.matching.refine import Refined

        return Refined(matcher, self.image_size or self.extractor.image_size)

    def with_renderer(self, name: str) -> "ResolvedRun":
        """The same run with another renderer, at its default options. Raises UsageError."""
        registry = load_registry()
        renderer = checked_renderer(registry.renderer(name), registry.plugin_of("renderers", name))
        values = {**self.values, "renderer": renderer.values({})}
        return replace(self, renderer=renderer, values=values)

    def build_renderer(self) -> Renderer:
        return self.renderer.build(self._options_of("renderer"))

    def _options_of(self, stage: str) -> BuildOptions:
        return replace(self.options, values=self.values[stage])


def resolve(config: RunConfig) -> ResolvedRun:
    """Look up and check everything that a run uses. Raises UsageError."""
    max_pixels()  # a setting that is no number is a fault of the command, not of each photo
    registry = load_registry()
    extractor = _extractor(registry, config)
    name = config.preset or extractor.preset
    preset = PLAIN if name is None else registry.preset(name)
    matcher = registry.matcher(config.matcher or preset.matcher)
    renderer = registry.renderer(config.renderer)
    values = _option_values(
        {"extractor": extractor, "matcher": matcher, "renderer": renderer},
        preset,
        config.stage_options or {},
    )
    _check_runtime(config, extractor)
    patch = extractor.patch_for(values["extractor"])
    _check_size("image_size", config.image_size, extractor.name, patch)
    _check_size("window", config.window, extractor.name, patch)
    if config.overlap is not None and config.window is None:
        raise UsageError("`overlap` belongs to windows; give `window` as well")
    return ResolvedRun(
        checked_extractor(extractor, registry.plugin_of("extractors", extractor.name)),
        checked_matcher(matcher, registry.plugin_of("matchers", matcher.name)),
        checked_renderer(renderer, registry.plugin_of("renderers", renderer.name)),
        name,
        config.image_size or (None if config.window else extractor.image_size),
        config.window,
        DEFAULT_OVERLAP if config.overlap is None else config.overlap,
        config.refine,
        _build_options(config),
        values,
        _cache(config),
    )


def _extractor(registry: Registry, config: RunConfig) -> StageSpec[FeatureExtractor]:
    if config.extractor and config.dino_size:
        raise UsageError("`dino_size` and `extractor` exclude each other; give one of them")
    return registry.extractor(config.extractor or dinov3_name(config.dino_size))


def _cache(config: RunConfig) -> "FileStore | None":
    if config.no_cache:
        return None
    from mel_debug.cache.location import open_store

    return open_store(config.cache_dir, config.cache_bytes)


def _build_options(config: RunConfig) -> BuildOptions:
    """Every precision but f32 has to be asked for.

    What a stage can make again is kept with `no_cache` as well: it tells nothing of any photo.
    """
    from mel_debug.cache.digests import Digests
    from mel_debug.files.user_dirs import cache_folder, graph_folder

    cache = config.cache_dir or cache_folder()
    return BuildOptions(
        config.device,
        config.weights,
        config.offline,
        runtime=config.runtime,
        precision="f32" if config.precision == "auto" else config.precision,
        threads=_threads(config.threads),
        keeping=ArtifactCache(graph_folder(cache), Digests(cache).of),
    )


def _threads(wanted: int | None) -> int | None:
    """What was asked for, else what the environment allows each library: workers start with it."""
    if wanted is not None:
        if not 1 <= wanted <= MOST_THREADS:
            raise UsageError(f"`threads` lies between 1 and {MOST_THREADS}, not at {wanted}")
        return wanted
    told = os.environ.get("OMP_NUM_THREADS", "")
    return int(told) if told.isdecimal() and 1 <= int(told) <= MOST_THREADS else None


def _check_runtime(config: RunConfig, extractor: StageSpec[FeatureExtractor]) -> None:
    for option, value, there in (
        ("runtime", config.runtime, extractor.runtimes),
        ("precision", config.precision, extractor.precisions),
    ):
        if value not in ("auto", *there):
            raise UsageError(
                f"{extractor.name} does not run with `{option}` {value}; try one of: "
                f"{', '.join(('auto', *there))}"
            )


def _check_size(setting: str, size: int | None, name: str, patch: int | None) -> None:
    if size is None or patch is None or (size >= patch and size % patch == 0):
        return
    below = max(patch, size - size % patch)
    raise UsageError(
        f"`{setting}` {size} does not divide by the {patch} px patch of {name}; "
        f"try {below} or {below + patch}"
    )


def _option_values(
    specs: Mapping[str, StageSpec[Any]], preset: Preset, given: Mapping[str, OptionValue]
) -> dict[str, dict[str, OptionValue]]:
    """All option values of each stage: those `given`, else the preset's, else the defaults.

    A name in `given` is `STAGE.NAME`, or only NAME where a single stage has such an option. Raises
    UsageError.
    """
    chosen: dict[str, dict[str, OptionValue]] = {stage: {} for stage in specs}
    chosen["matcher"] |= _preset_values(preset, specs["matcher"])
    for name, value in given.items():
        stage, option = _owner(specs, name)
        chosen[stage][option] = value
    return {stage: spec.values(chosen[stage]) for stage, spec in specs.items()}


def _preset_values(preset: Preset, matcher: StageSpec[Any]) -> dict[str, OptionValue]:
    """The option values of a preset; for another matcher than its own, those that it has.

    Raises UsageError for a value that the preset's own matcher refuses.
    """
    if matcher.name != preset.matcher:
        known = {option.name for option in matcher.options}
        return {name: value for name, value in preset.options.items() if name in known}
    try:
        matcher.values(preset.options)
    except UsageError as error:
        raise UsageError(f"preset {preset.name!r}: {error}") from error
    return dict(preset.options)


def _owner(specs: Mapping[str, StageSpec[Any]], name: str) -> tuple[str, str]:
    """The stage that an option belongs to, and the option's own name."""
    stage, dot, option = name.partition(".")
    if dot and stage in specs:
        return stage, option
    owners = [stage for stage, spec in specs.items() if any(o.name == name for o in spec.options)]
    if len(owners) == 1:
        return owners[0], name
    names = ", ".join(spec.name for spec in specs.values())
    if owners:
        ways = " or ".join(f"{owner}.{name}" for owner in owners)
        raise UsageError(f"more than one of {names} has an option {name!r}; write {ways}")
    known = sorted(option.name for spec in specs.values() for option in spec.options)
    there = f"they have: {', '.join(known)}" if known else "they have none"
    raise UsageError(f"none of {names} has an option {name!r}; {there}")
