"""Configurations to evaluate: combinations of extractors, matchers, presets and image sizes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from mel_debug.core.option import OptionValue
from mel_debug.plugins.config import ResolvedRun, RunConfig, resolve
from mel_debug.plugins.registry import load_registry


@dataclass(frozen=True, slots=True, eq=False)
class Configuration:
    """A resolved run with the names that a report shows for it, and what it was resolved from."""

    run: ResolvedRun
    config: RunConfig

    @property
    def names(self) -> dict[str, Any]:
        """Extractor, its options and weights that were chosen, matcher, preset and image size."""
        return {
            "extractor": self.run.extractor.name,
            "options": self.options,
            "matcher": self.run.matcher.name,
            "preset": self.run.preset,
            "image_size": self.run.image_size,
        }

    @property
    def options(self) -> dict[str, OptionValue]:
        """Options of extractor and matcher that are neither default nor the preset's."""
        run = self.run
        preset = load_registry().presets.get(run.preset or "")
        usual = {} if preset is None else preset.options
        chosen = {
            option.name: run.values[stage][option.name]
            for stage, spec in (("extractor", run.extractor), ("matcher", run.matcher))
            for option in spec.options
            if run.values[stage][option.name] not in (option.default, usual.get(option.name))
        }
        is_own = "[" in (self.config.extractor or "") and run.options.weights is not None
        return {**chosen, "weights": str(run.options.weights)} if is_own else chosen

    @property
    def title(self) -> str:
        """The extractor with its options in brackets."""
        options = ",".join(f"{name}={_shown(value)}" for name, value in self.options.items())
        return f"{self.run.extractor.name}[{options}]" if options else self.run.extractor.name

    @property
    def label(self) -> str:
        """Extractor with its options, matcher and image size as a short text."""
        size = self.run.image_size
        parts = [self.title, self.run.matcher.name]
        return " ".join([*parts, "full size" if size is None else str(size)])

    @property
    def identity(self) -> str:
        """All settings that affect the matches or their timing, as a text."""
        run = self.run
        options = [
            (spec.name, sorted(run.values[stage].items()))
            for stage, spec in (("extractor", run.extractor), ("matcher", run.matcher))
        ]
        rest = (run.image_size, run.window, run.overlap, run.refine)
        build = run.options
        computed = (build.device, build.runtime, build.precision, build.threads)
        return repr((options, rest, build.weights, computed))

    def full_identity(self) -> str:
        """Return the identity with a digest of the weights and the versions of the stages' plugins.

        Downloads weights that are not on this machine, because their digest is needed. Raises
        MelError if that fails.
        """
        registry = load_registry()
        plugins = [
            (registered.plugin.name, registered.plugin.version)
            for registered in (
                registry.registered("extractors", self.run.extractor.name),
                registry.registered("matchers", self.run.matcher.name),
            )
        ]
        return repr((self.identity, plugins, self.run.extractor_identity()))


def _shown(value: OptionValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def unique(configs: Iterable[RunConfig]) -> list[Configuration]:
    """Return the resolved configurations, each once. Raises UsageError."""
    found: dict[str, Configuration] = {}
    for config in configs:
        configuration = Configuration(resolve(config), config)
        found.setdefault(configuration.identity, configuration)
    return list(found.values())


def grid_of(options: Iterable[tuple[str, OptionValue]]) -> list[dict[str, OptionValue]]:
    """Return all combinations of options of which some are given several times."""
    values: dict[str, list[OptionValue]] = {}
    for name, value in options:
        values.setdefault(name, []).append(value)
    return [dict(zip(values, each, strict=True)) for each in product(*values.values())]


def product_of(
    config: RunConfig,
    *,
    extractors: Sequence[str] = (),
    matchers: Sequence[str] = (),
    presets: Sequence[str] = (),
    image_sizes: Sequence[int] = (),
    options: Sequence[Mapping[str, OptionValue]] = (),
) -> list[Configuration]:
    """Return all combinations, each once; for an empty list the value of `config` is used.

    `options` are stage options, as `grid_of` returns them.

    Raises UsageError for an unknown name or an image size that the extractor does not support.
    """
    texts: list[Sequence[str | None]] = [
        extractors or [config.extractor],
        matchers or [config.matcher],
        presets or [config.preset],
    ]
    sizes: Sequence[int | None] = image_sizes or [config.image_size]
    grid: Sequence[Mapping[str, OptionValue] | None] = options or [config.stage_options]
    return unique(
        replace(
            config,
            extractor=extractor,
            matcher=matcher,
            preset=preset,
            image_size=size,
            stage_options=values,
        )
        for (extractor, matcher, preset), size, values in product(product(*texts), sizes, grid)
    )
