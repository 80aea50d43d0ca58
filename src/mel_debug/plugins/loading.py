"""Loading plugins; a broken plugin is skipped and does not affect the others."""

import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import pluggy

from mel_debug import plugin as hookspecs
from mel_debug.builtin import plugin as builtin_plugin
from mel_debug.core.errors import PluginError, kind_and_text
from mel_debug.core.escape import escaped
from mel_debug.core.resolver import ExtractorResolver
from mel_debug.core.stages import Preset, StageSpec
from mel_debug.plugin import GROUP
from mel_debug.plugins._trace import trace, trace_found
from mel_debug.plugins.entry_points import third_party
from mel_debug.synth import plugin as synth_plugin
from mel_debug.version import __version__

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

BUILTIN = "mel-debug"
STAGE_HOOKS = {
    "extractors": "mel_extractors",
    "matchers": "mel_matchers",
    "renderers": "mel_renderers",
}
HOOKS = (*STAGE_HOOKS.values(), "mel_extractor_resolvers", "mel_presets", "mel_commands")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A loaded plugin: its stages by kind, its resolvers, its presets, and its commands."""

    name: str
    version: str
    specs: dict[str, list[StageSpec[Any]]]
    presets: list[Preset]
    commands: list[Any]
    resolvers: list[ExtractorResolver] = field(default_factory=list)

    @property
    def contents(self) -> dict[str, list[str]]:
        """The names of stages, prefixes, presets and commands by kind, without empty kinds."""
        kinds: dict[str, list[Any]] = {
            **self.specs,
            "presets": self.presets,
            "commands": self.commands,
        }
        named = {kind: [item.name for item in items] for kind, items in kinds.items() if items}
        prefixes = [resolver.prefix for resolver in self.resolvers]
        return {**named, "prefixes": prefixes} if prefixes else named


@dataclass(frozen=True, slots=True)
class Skipped:
    """An installed plugin that is not used: `value` is its module, `reason` a phrase why."""

    name: str
    version: str
    value: str
    reason: str

    def __str__(self) -> str:
        where = f" ({self.value})" if self.value else ""
        return f"plugin {self.name!r}{where} is skipped: {self.reason}"


def load_plugins() -> Iterator[Plugin | Skipped]:
    """Load the built-in plugins, then each third-party plugin, or skip it."""
    for module in (builtin_plugin, synth_plugin):
        yield _contents(BUILTIN, __version__, module)
    entries = third_party()
    trace_found(entries)
    for entry in entries:
        started = time.perf_counter()
        found = _loaded(entry)
        trace(f"{entry.name}: imported in {1000 * (time.perf_counter() - started):.1f} ms")
        yield found


def _loaded(entry: "EntryPoint") -> Plugin | Skipped:
    try:
        with _contained():
            return _contents(entry.name, _version(entry), entry.load())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
        reason = escaped(kind_and_text(error))
        return Skipped(entry.name, _version(entry), entry.value, reason)


@contextmanager
def _contained() -> Iterator[None]:
    """Undo changes of a plugin's import to the standard streams and the current folder.

    Output is redirected to standard error, because standard output may be JSON.
    """
    folder = None
    with suppress(OSError):
        folder = Path.cwd()
    stream = _Unclosable(sys.stderr)
    try:
        with redirect_stdout(stream), redirect_stderr(stream):
            yield
    finally:
        with suppress(OSError):
            if folder is not None and Path.cwd() != folder:
                os.chdir(folder)


class _Unclosable(io.TextIOBase):
    """A stream that forwards to another and ignores `close`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str, /) -> int:
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        """Does nothing."""

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()


def _version(entry: "EntryPoint") -> str:
    return entry.dist.version if entry.dist is not None else "unknown"


def _contents(name: str, version: str, module: object) -> Plugin:
    """Call a plugin's hooks. Raises whatever they raise, or PluginError for a wrong result."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(module, name)
    manager.check_pending()  # a misspelled hook
    for hook in HOOKS:
        if hasattr(module, hook) and manager.parse_hookimpl_opts(module, hook) is None:
            raise PluginError(f"{hook} is not marked with @hookimpl")

    def call(hook: str) -> list[Any]:
        return [item for result in getattr(manager.hook, hook)() for item in result]

    specs = {stage: call(hook) for stage, hook in STAGE_HOOKS.items()}
    for stage, listed in specs.items():
        _require(StageSpec, listed, STAGE_HOOKS[stage])
    resolvers = call("mel_extractor_resolvers")
    _require(ExtractorResolver, resolvers, "mel_extractor_resolvers")
    presets = call("mel_presets")
    _require(Preset, presets, "mel_presets")
    commands = call("mel_commands")
    for command in commands:
        import click

        if not isinstance(command, click.Command) or not command.name:
            raise PluginError(
                f"mel_commands must return Click commands with names, not {command!r}"
            )
    return Plugin(name, version, specs, presets, commands, resolvers)


def _require(kind: type, items: list[Any], hook: str) -> None:
    for item in items:
        if not isinstance(item, kind):
            raise PluginError(f"{hook} must return {kind.__name__} objects, not {item!r}")
