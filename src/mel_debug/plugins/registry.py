"""The registry of installed stages, presets and commands by unique names."""

import difflib
import functools
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mel_debug.core.errors import PluginError, UsageError
from mel_debug.core.escape import escaped
from mel_debug.core.resolver import MARK, ExtractorResolver, split_prefix
from mel_debug.core.stages import FeatureExtractor, Matcher, Preset, Renderer, StageSpec
from mel_debug.plugins._trace import trace
from mel_debug.plugins.loading import STAGE_HOOKS, Plugin, Skipped, load_plugins
from mel_debug.plugins.reserved import RESERVED_COMMANDS
from mel_debug.plugins.resolving import resolved

STRICT = "MEL_DEBUG_STRICT_PLUGINS"
"""Environment variable: set to 1 to raise an error instead of a warning for a skipped plugin."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A stage and the plugin that provides it."""

    spec: StageSpec[Any]
    plugin: Plugin


@dataclass(frozen=True, slots=True)
class RegisteredResolver:
    """A resolver and the plugin that provides it."""

    resolver: ExtractorResolver
    plugin: Plugin


@dataclass(frozen=True, slots=True)
class Registry:
    """Installed stages by kind and name, resolvers, presets and commands, as they registered.

    `plugins` are in use, `skipped` are not.
    """

    stages: dict[str, dict[str, Registered]] = field(
        default_factory=lambda: {stage: {} for stage in STAGE_HOOKS}
    )
    resolvers: dict[str, RegisteredResolver] = field(default_factory=dict)
    presets: dict[str, Preset] = field(default_factory=dict)
    commands: dict[str, Any] = field(default_factory=dict)
    plugins: list[Plugin] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def add(self, plugin: Plugin) -> str | None:
        """Register a plugin; if a name is taken, register nothing of it and return that name."""
        clash = self._clash(plugin)
        if clash is None:
            self.plugins.append(plugin)
            for stage, specs in plugin.specs.items():
                for spec in specs:
                    self.stages[stage][spec.name] = Registered(spec, plugin)
            for resolver in plugin.resolvers:
                self.resolvers[resolver.prefix] = RegisteredResolver(resolver, plugin)
            self.presets.update({preset.name: preset for preset in plugin.presets})
            self.commands.update({command.name: command for command in plugin.commands})
        return clash

    def extractor(self, name: str) -> StageSpec[FeatureExtractor]:
        """The extractor with a name, which a resolver may have to find.

        Raises UsageError, with similar names, if there is none, and PluginError if a resolver
        fails.
        """
        return self.registered("extractors", name).spec

    def matcher(self, name: str) -> StageSpec[Matcher]:
        """The matcher with a name. Raises UsageError like `extractor`."""
        return self.registered("matchers", name).spec

    def renderer(self, name: str) -> StageSpec[Renderer]:
        """The renderer with a name. Raises UsageError like `extractor`."""
        return self.registered("renderers", name).spec

    def preset(self, name: str) -> Preset:
        """The preset with a name. Raises UsageError like `extractor`."""
        if name not in self.presets:
            raise _unknown("preset", name, self.presets)
        return self.presets[name]

    def plugin_of(self, stage: str, name: str) -> str:
        """The name of the plugin that provides a stage; `stage` is a kind such as `extractors`."""
        return self.registered(stage, name).plugin.name

    def registered(self, stage: str, name: str) -> Registered:
        """The stage with a name and its plugin. Raises like `extractor`."""
        specs = self.stages[stage]
        if name in specs:
            return specs[name]
        parts = split_prefix(name) if stage == "extractors" else None
        if parts is None:
            raise _unknown(stage[:-1], name, specs)
        prefix, rest = parts
        if prefix not in self.resolvers:
            prefixes = ", ".join(f"{each}{MARK}" for each in self.resolvers)
            raise UsageError(f"no plugin resolves the prefix {prefix!r}; try one of: {prefixes}")
        found = self.resolvers[prefix]
        return Registered(resolved(found.resolver, found.plugin.name, rest), found.plugin)

    def _clash(self, plugin: Plugin) -> str | None:
        for stage, specs in plugin.specs.items():
            taken = set(self.stages[stage])
            for spec in specs:
                if spec.name in taken:
                    return f"{stage[:-1]} {spec.name!r}"
                taken.add(spec.name)
        prefixes = set(self.resolvers)
        for resolver in plugin.resolvers:
            if resolver.prefix in prefixes:
                return f"prefix {resolver.prefix!r}"
            prefixes.add(resolver.prefix)
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


MANY_NAMES = 12
"""An error lists all names up to this many, and beyond it those that are spelled alike."""


def _unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    names = list(known)
    similar = difflib.get_close_matches(name, names, 3) if len(names) > MANY_NAMES else names
    return UsageError(f"no {kind} named {name!r}; try one of: {', '.join(similar or names)}")


def build_registry(plugins: Iterable[Plugin | Skipped]) -> Registry:
    """A registry of plugins; a plugin with a name that is taken is skipped as a whole."""
    registry = Registry()
    for plugin in plugins:
        if isinstance(plugin, Skipped):
            registry.skipped.append(plugin)
            trace(f"{plugin.name}: skipped, {plugin.reason}")
            continue
        clash = registry.add(plugin)
        if clash is None:
            trace(f"{plugin.name}: loaded, {_listed(plugin)}")
        else:
            reason = f"the name of its {clash} is taken"
            registry.skipped.append(Skipped(plugin.name, plugin.version, "", reason))
            trace(f"{plugin.name}: skipped, {reason}")
    return registry


def _listed(plugin: Plugin) -> str:
    kinds = (f"{kind} {', '.join(names)}" for kind, names in plugin.contents.items())
    return "; ".join(kinds) or "provides nothing"


@functools.cache
def load_registry() -> Registry:
    """The registry of this process; prints a warning for each skipped plugin on standard error.

    Raises PluginError instead if MEL_DEBUG_STRICT_PLUGINS=1 is set.
    """
    registry = build_registry(load_plugins())
    if os.environ.get(STRICT, "").lower() in ("1", "true", "t", "yes", "y", "on"):
        _check_none_skipped(registry)
    for skipped in registry.skipped:
        sys.stderr.write(f"warning: {escaped(str(skipped))}\n")
    return registry


@contextmanager
def strict_plugins() -> Iterator[None]:
    """Forbid skipped plugins in the block, and in processes that are started in it.

    Loads all plugins. Raises PluginError, with all skipped plugins, if there are any.
    """
    before = os.environ.get(STRICT)
    os.environ[STRICT] = "1"
    try:
        _check_none_skipped(load_registry())
        yield
    finally:
        if before is None:
            del os.environ[STRICT]
        else:
            os.environ[STRICT] = before


def _check_none_skipped(registry: Registry) -> None:
    if registry.skipped:
        raise PluginError("; ".join(map(str, registry.skipped)))
