"""What is compared: every combination of the extractors, matchers, presets and sizes asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from mel_debug.plugins.config import ResolvedRun, RunConfig, resolve
from mel_debug.plugins.registry import load_registry


@dataclass(frozen=True, slots=True, eq=False)
class Configuration:
    """One choice of stages by the names a report shows."""

    choice: ResolvedRun

    @property
    def names(self) -> dict[str, Any]:
        """Extractor, matcher, preset and image size."""
        return {
            "extractor": self.choice.extractor.name,
            "matcher": self.choice.matcher.name,
            "preset": self.choice.preset,
            "image_size": self.choice.image_size,
        }

    @property
    def label(self) -> str:
        """The names in a few words."""
        size = self.choice.image_size
        parts = [self.choice.extractor.name, self.choice.matcher.name]
        return " ".join([*parts, "full size" if size is None else str(size)])

    @property
    def identity(self) -> str:
        """Everything that makes a difference to the answers or their times, as a text."""
        choice = self.choice
        options = [
            (spec.name, sorted(choice.values[stage].items()))
            for stage, spec in (("extractor", choice.extractor), ("matcher", choice.matcher))
        ]
        rest = (choice.image_size, choice.window, choice.overlap, choice.refine)
        build = choice.options
        computed = (build.device, build.runtime, build.precision, build.threads)
        return repr((options, rest, build.weights, computed))

    def full_identity(self) -> str:
        """The identity with the content of the weights and the versions of the stages' plugins.

        Weights that have to be downloaded are downloaded now, as their content is not known before.
        Raises MelError when they can't be had.
        """
        stages = load_registry().stages
        plugins = [
            (registered.plugin.name, registered.plugin.version)
            for registered in (
                stages["extractors"][self.choice.extractor.name],
                stages["matchers"][self.choice.matcher.name],
            )
        ]
        return repr((self.identity, plugins, self.choice.extractor_identity()))


def product_of(
    wanted: RunConfig,
    *,
    extractors: Sequence[str] = (),
    matchers: Sequence[str] = (),
    presets: Sequence[str] = (),
    image_sizes: Sequence[int] = (),
) -> list[Configuration]:
    """All combinations, each once; an empty list leaves it to `wanted`.

    Raises UsageError for a name that is not there or a size that does not fit.
    """
    found: dict[str, Configuration] = {}
    texts: list[Sequence[str | None]] = [
        extractors or [wanted.extractor],
        matchers or [wanted.matcher],
        presets or [wanted.preset],
    ]
    sizes: Sequence[int | None] = image_sizes or [wanted.image_size]
    for (extractor, matcher, preset), size in product(product(*texts), sizes):
        asked = replace(
            wanted, extractor=extractor, matcher=matcher, preset=preset, image_size=size
        )
        configuration = Configuration(resolve(asked))
        found.setdefault(configuration.identity, configuration)
    return list(found.values())
