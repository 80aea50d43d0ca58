"""Every offer by stage and name; names are unique."""

import functools
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from mel_debug.core.errors import UsageError
from mel_debug.core.escape import escaped
from mel_debug.core.stages import FeatureExtractor, Matcher, Renderer, StageSpec
from mel_debug.plugins.loading import STAGE_HOOKS, Plugin, load_plugins
from mel_debug.plugins.reserved import COMMANDS


@dataclass(frozen=True, slots=True)
class Registered:
    """An offer and the plugin it came from."""

    offer: StageSpec[Any]
    plugin: Plugin


@dataclass(frozen=True, slots=True)
class Registry:
    """What is on offer, by stage and then by name, in the order of registration."""

    stages: dict[str, dict[str, Registered]] = field(
        default_factory=lambda: {stage: {} for stage in STAGE_HOOKS}
    )
    commands: dict[str, Any] = field(default_factory=dict)

    def add(self, plugin: Plugin) -> str | None:
        """Take in all of a plugin, or nothing and say which name is taken."""
        clash = self._clash(plugin)
        if clash is None:
            for stage, offers in plugin.offers.items():
                for offer in offers:
                    self.stages[stage][offer.name] = Registered(offer, plugin)
            self.commands.update({command.name: command for command in plugin.commands})
        return clash

    def extractor(self, name: str) -> StageSpec[FeatureExtractor]:
        """The extractor of a name. Raises UsageError, listing what there is, if there is none."""
        return self._named("extractors", name)

    def matcher(self, name: str) -> StageSpec[Matcher]:
        """The matcher of a name; see `extractor`."""
        return self._named("matchers", name)

    def renderer(self, name: str) -> StageSpec[Renderer]:
        """The renderer of a name; see `extractor`."""
        return self._named("renderers", name)

    def plugin_of(self, stage: str, name: str) -> str:
        """The name of the plugin that offers a stage; `stage` is such as `extractors`."""
        return self.stages[stage][name].plugin.name

    def _named(self, stage: str, name: str) -> StageSpec[Any]:
        offers = self.stages[stage]
        if name not in offers:
            raise UsageError(f"no {stage[:-1]} named {name!r}; try one of: {', '.join(offers)}")
        return offers[name].offer

    def _clash(self, plugin: Plugin) -> str | None:
        for stage, offers in plugin.offers.items():
            taken = set(self.stages[stage])
            for offer in offers:
                if offer.name in taken:
                    return f"{stage[:-1]} {offer.name!r}"
                taken.add(offer.name)
        names = {*COMMANDS, *self.commands}
        for command in plugin.commands:
            if command.name in names:
                return f"command {command.name!r}"
            names.add(command.name)
        return None


def build_registry(plugins: Iterable[Plugin], warn: Callable[[str], None]) -> Registry:
    """A registry of all plugins; one that takes a taken name is warned of and left out."""
    registry = Registry()
    for plugin in plugins:
        clash = registry.add(plugin)
        if clash is not None:
            warn(f"plugin {plugin.name!r} is skipped: the name of its {clash} is taken")
    return registry


@functools.cache
def load_registry() -> Registry:
    """The registry of this process; warnings about broken plugins go to standard error, once."""

    def warn(message: str) -> None:
        sys.stderr.write(f"warning: {escaped(message)}\n")

    return build_registry(load_plugins(warn), warn)
