"""Configurations to evaluate: combinations of extractors, matchers, presets and image sizes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from mel_debug.plugins.config import ResolvedRun, RunConfig, resolve
from mel_debug.plugins.registry import load_registry


@dataclass(frozen=True, slots=True, eq=False)
class Configuration:
    """A resolved run with the names that a report shows for it."""

    run: ResolvedRun

    @property
    def names(self) -> dict[str, Any]:
        """Extractor, matcher, preset and image size."""
        return {
            "extractor": self.run.extractor.name,
            "matcher": self.run.matcher.name,
            "preset": self.run.preset,
            "image_size": self.run.image_size,
        }

    @property
    def label(self) -> str:
        """Extractor, matcher and image size as a short text."""
        size = self.run.image_size
        parts = [self.run.extractor.name, self.run.matcher.name]
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


def product_of(
    config: RunConfig,
    *,
    extractors: Sequence[str] = (),
    matchers: Sequence[str] = (),
    presets: Sequence[str] = (),
    image_sizes: Sequence[int] = (),
) -> list[Configuration]:
    """Return all combinations, each once; for an empty list the value of `config` is used.

    Raises UsageError for an unknown name or an image size that the extractor does not support.
    """
    found: dict[str, Configuration] = {}
    texts: list[Sequence[str | None]] = [
        extractors or [config.extractor],
        matchers or [config.matcher],
        presets or [config.preset],
    ]
    sizes: Sequence[int | None] = image_sizes or [config.image_size]
    for (extractor, matcher, preset), size in product(product(*texts), sizes):
        combination = replace(
            config, extractor=extractor, matcher=matcher, preset=preset, image_size=size
        )
        configuration = Configuration(resolve(combination))
        found.setdefault(configuration.identity, configuration)
    return list(found.values())
