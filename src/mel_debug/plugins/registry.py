"""Every installed stage and preset by name; names are unique."""

import difflib
import functools
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from mel_debug.core.errors import UsageError
from mel_debug.core.escape import escaped
from mel_debug.core.stages import FeatureExtractor, Matcher, Preset, Renderer, StageSpec
from mel_debug.plugins.loading import STAGE_HOOKS, Plugin, load_plugins
from mel_debug.plugins.reserved import RESERVED_COMMANDS


@dataclass(frozen=True, slots=True)
class Registered:
    """A stage and the plugin that provides it."""

    spec: StageSpec[Any]
    plugin: Plugin


@dataclass(frozen=True, slots=True)
class Registry:
    """Installed stages by kind and name, presets and commands, in the order of registration."""

    stages: dict[str, dict[str, Registered]] = field(
        default_factory=lambda: {stage: {} for stage in STAGE_HOOKS}
    )
    presets: dict[str, Preset] = field(default_factory=dict)
    commands: dict[str, Any] = field(default_factory=dict)

    def add(self, plugin: Plugin) -> str | None:
        """Take in all of a plugin, or nothing and say which name is taken."""
        clash = self._clash(plugin)
        if clash is None:
            for stage, specs in plugin.specs.items():
                for spec in specs:
                    self.stages[stage][spec.name] = Registered(spec, plugin)
            self.presets.update({preset.name: preset for preset in plugin.presets})
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

    def preset(self, name: str) -> Preset:
        """The preset of a name; see `extractor`."""
        if name not in self.presets:
            raise _unknown("preset", name, self.presets)
        return self.presets[name]

    def plugin_of(self, stage: str, name: str) -> str:
        """The name of the plugin that provides a stage; `stage` is such as `extractors`."""
        return self.stages[stage][name].plugin.name

    def _named(self, stage: str, name: str) -> StageSpec[Any]:
        specs = self.stages[stage]
        if name not in specs:
            raise _unknown(stage[:-1], name, specs)
        return specs[name].spec

    def _clash(self, plugin: Plugin) -> str | None:
        for stage, specs in plugin.specs.items():
            taken = set(self.stages[stage])
            for spec in specs:
                if spec.name in taken:
                    return f"{stage[:-1]} {spec.name!r}"
                taken.add(spec.name)
        presets = set(self.presets)
        for preset in plugin.presets:
            if preset.name in presets:
                return f"preset {preset.name!r}"
            presets.add(preset.name)
        names = {*RESERVED_COMMANDS, *self.commands}
        for command in plugin.commands:
            if command.name in names:
                return f"command {command.name!r}"
            names.add(command.name)
        return None


def _unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    names = list(known)
    near = difflib.get_close_matches(name, names, 3)
    return UsageError(f"no {kind} named {name!r}; try one of: {', '.join(near or names)}")


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
