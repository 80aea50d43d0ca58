"""The configuration of a run, and how its names and settings become checked stages."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mel_debug.builtin.defaults import AUTO, PLAIN_MATCHER, RENDERER, dinov3_name
from mel_debug.core.errors import UsageError
from mel_debug.core.limits import max_pixels
from mel_debug.core.option import OptionValue
from mel_debug.core.stages import BuildOptions, FeatureExtractor, Preset, StageSpec
from mel_debug.plugins.checked import checked_extractor, checked_matcher, checked_renderer
from mel_debug.plugins.option_values import option_values
from mel_debug.plugins.registry import Registry, load_registry
from mel_debug.plugins.resolving import split_options
from mel_debug.plugins.run import ResolvedRun

if TYPE_CHECKING:
    from mel_debug.cache.store import FileStore

__all__ = ["ResolvedRun", "RunConfig", "resolve"]

PLAIN = Preset("plain", "the most similar patch by cosine, at its centre", PLAIN_MATCHER)
"""The preset of a run without one."""

DEFAULT_OVERLAP = 0.25
"""Share of a window that its neighbours overlap, as in `Windows`."""

MOST_THREADS = 1024
"""More than any machine has cores; tens of thousands end in a segmentation fault of OpenMP."""


@dataclass(frozen=True, slots=True)
class RunConfig:
    """The settings of a run, unchecked; None is the default of the extractor or the preset.

    `extractor` is a name, which may carry options of the extractor and its weights, as in
    `timm:NAME[layer=-3,weights=PATH]`; `auto` is the best one whose weights are on this machine.
    `image_size` and `window` are in scaled pixels, and `overlap` is a share of the window.
    `stage_options` has values or texts by option name, or by `STAGE.NAME`. The defaults of
    `cache_dir` and `cache_bytes` are those of the environment or the platform, and `threads` is
    OMP_NUM_THREADS by default, if that is set.
    """

    extractor: str | None = None
    dino_size: str | None = None
    matcher: str | None = None
    renderer: str = RENDERER
    preset: str | None = None
    image_size: int | None = None
    window: int | None = None
    overlap: float | None = None
    refine: bool = False
    device: str = "auto"
    weights: Path | None = None
    offline: bool = False
    runtime: str = "auto"
    precision: str = "f32"
    threads: int | None = None
    cache_dir: Path | None = None
    cache_bytes: int | None = None
    no_cache: bool = False
    stage_options: Mapping[str, OptionValue] | None = field(default=None, hash=False)

    def portable(self) -> "RunConfig":
        """The same configuration for other processes and machines.

        Nothing is left to the environment, the processor or the current folder: cache folder and
        size limit are filled in, paths are absolute, and `auto` becomes the precision that it
        stands for here. Links in paths are not resolved, as they may differ between machines.
        Raises UsageError if the environment sets a wrong size limit.
        """
        from mel_debug.cache.location import open_store

        store = open_store(self.cache_dir, self.cache_bytes)
        unfolded = _unfolded(self)  # its name may carry a path
        return replace(
            unfolded,
            precision=resolve(self).options.precision
            if self.precision == "auto"
            else self.precision,
            cache_dir=store.folder.absolute(),
            cache_bytes=store.most_bytes,
            weights=None if unfolded.weights is None else unfolded.weights.absolute(),
        )


def resolve(config: RunConfig) -> ResolvedRun:
    """Look up the stages of a run and check all settings. Raises UsageError for a wrong one."""
    max_pixels()  # report a wrong environment variable once, not for each photo
    registry = load_registry()
    config = _unfolded(config)
    extractor = _extractor(registry, config)
    name = config.preset or extractor.preset
    preset = PLAIN if name is None else registry.preset(name)
    matcher = registry.matcher(config.matcher or preset.matcher)
    renderer = registry.renderer(config.renderer)
    values = option_values(
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
        _with_precision(_build_options(config), extractor),
        values,
        _cache(config),
    )


def _unfolded(config: RunConfig) -> RunConfig:
    """The configuration with the options and weights that the extractor's name carries."""
    name, options = split_options(config.extractor or "")
    if not options:
        return config
    weights = options.pop("weights", None)
    if weights is not None and config.weights is not None:
        raise UsageError(f"{config.extractor} has weights of its own; leave out `weights`")
    given = dict(config.stage_options or {})
    for option, value in options.items():
        if {option, f"extractor.{option}"} & set(given):
            raise UsageError(f"option {option!r} is given twice, also in {config.extractor}")
        given[f"extractor.{option}"] = value
    return replace(
        config,
        extractor=name,
        weights=config.weights if weights is None else Path(weights),
        stage_options=given,
    )


def _extractor(registry: Registry, config: RunConfig) -> StageSpec[FeatureExtractor]:
    if config.extractor and config.dino_size:
        raise UsageError("`dino_size` and `extractor` exclude each other; give only one")
    name = config.extractor or dinov3_name(config.dino_size)
    if name != AUTO:
        return registry.extractor(name)
    from mel_debug.builtin.choosing import choose_extractor

    if config.weights is not None:
        raise UsageError("`weights` belong to one extractor; give `extractor` as well")
    return registry.extractor(choose_extractor()[0])


def _cache(config: RunConfig) -> "FileStore | None":
    if config.no_cache:
        return None
    from mel_debug.cache.location import open_store

    return open_store(config.cache_dir, config.cache_bytes)


def _build_options(config: RunConfig) -> BuildOptions:
    """The settings for building stages.

    Files that stages create, such as compiled models,
    are stored with `no_cache` as well, as they contain nothing about photos.
    """
    from mel_debug.cache.location import open_artifacts

    return BuildOptions(
        config.device,
        config.weights,
        config.offline,
        runtime=config.runtime,
        precision=config.precision,
        threads=_threads(config.threads),
        artifacts=open_artifacts(config.cache_dir),
    )


def _with_precision(options: BuildOptions, extractor: StageSpec[FeatureExtractor]) -> BuildOptions:
    """The options with the precision that `auto` stands for, as features are cached under it."""
    if options.precision != "auto":
        return options
    exact = replace(options, precision="f32")
    chosen = "f32" if extractor.auto_precision is None else extractor.auto_precision(exact)
    return replace(options, precision=chosen)


def _threads(threads: int | None) -> int | None:
    """The given number, else the value of OMP_NUM_THREADS, which is also set for workers.

    None if neither is set. Raises UsageError for a number out of range.
    """
    if threads is not None:
        if not 1 <= threads <= MOST_THREADS:
            raise UsageError(f"`threads` lies between 1 and {MOST_THREADS}, not at {threads}")
        return threads
    text = os.environ.get("OMP_NUM_THREADS", "")
    return int(text) if text.isdecimal() and 1 <= int(text) <= MOST_THREADS else None


def _check_runtime(config: RunConfig, extractor: StageSpec[FeatureExtractor]) -> None:
    for option, value, supported in (
        ("runtime", config.runtime, extractor.runtimes),
        ("precision", config.precision, extractor.precisions),
    ):
        if value not in ("auto", *supported):
            raise UsageError(
                f"{extractor.name} does not run with `{option}` {value}; try one of: "
                f"{', '.join(('auto', *supported))}"
            )


def _check_size(setting: str, size: int | None, name: str, patch: int | None) -> None:
    if size is None or patch is None or (size >= patch and size % patch == 0):
        return
    below = max(patch, size - size % patch)
    raise UsageError(
        f"`{setting}` {size} is not a multiple of the {patch} px patch of {name}; "
        f"try {below} or {below + patch}"
    )
