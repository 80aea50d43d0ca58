"""`mel-debug plugins`: the installed stages and presets, and the plugins that provide them."""

import json
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.options import json_option
from mel_debug.core.resolver import MARK

if TYPE_CHECKING:
    from mel_debug.core.option import Option
    from mel_debug.core.stages import Preset, StageSpec
    from mel_debug.plugins.loading import Plugin
    from mel_debug.plugins.registry import RegisteredResolver, Registry


HEADINGS = {"resolvers": "extractors by prefix"}
"""How a person reads the kinds that are called otherwise in JSON."""


@click.command("plugins")
@json_option
def command(*, as_json: bool) -> None:
    """List installed extractors, matchers, renderers and presets.

    Shows the summary and the options of each, and the plugin that provides it, with its version.
    Extractors with a prefix are too many to list: any NAME after the prefix can be used.
    """
    from mel_debug.plugins.registry import load_registry

    listing = _listing(load_registry())
    if as_json:
        click.echo(json.dumps(listing))
        return
    for kind, items in listing.items():
        click.echo(f"{HEADINGS.get(kind, kind)}:")
        shown: dict[str, str] = {}
        for item in items:
            for line in _lines(kind, item, shown):
                click.echo(f"  {line}")


def _listing(registry: "Registry") -> dict[str, list[dict[str, Any]]]:
    listing = {
        kind: [
            _stage(registered.spec, registered.plugin)
            | (_extractor(registered.spec) if kind == "extractors" else {})
            for registered in stages.values()
        ]
        for kind, stages in registry.stages.items()
    }
    listing["resolvers"] = [_resolver(registered) for registered in registry.resolvers.values()]
    listing["presets"] = [
        _preset(preset, plugin) for plugin in registry.plugins for preset in plugin.presets
    ]
    return listing


def _origin(spec: "StageSpec[Any] | Preset", plugin: "Plugin") -> dict[str, Any]:
    return {
        "name": spec.name,
        "plugin": plugin.name,
        "version": plugin.version,
        "summary": spec.summary,
    }


def _stage(spec: "StageSpec[Any]", plugin: "Plugin") -> dict[str, Any]:
    return {
        **_origin(spec, plugin),
        "options": [_option(option) for option in spec.options],
    }


def _option(option: "Option") -> dict[str, Any]:
    return {
        "name": option.name,
        "type": type(option.default).__name__,
        "default": option.default,
        "choices": list(option.choices),
        "help": option.help,
    }


def _extractor(spec: "StageSpec[Any]") -> dict[str, Any]:
    return {
        "family": spec.calibration_family,
        "preset": spec.preset,
        "runtimes": list(spec.runtimes),
        "precisions": list(spec.precisions),
    }


def _resolver(registered: "RegisteredResolver") -> dict[str, Any]:
    """A resolver, with the options of its first example."""
    resolver, plugin = registered.resolver, registered.plugin
    spec = resolver.resolve(resolver.offered[0]) if resolver.offered else None
    return {
        "name": f"{resolver.prefix}{MARK}NAME",
        "plugin": plugin.name,
        "version": plugin.version,
        "summary": resolver.summary,
        "examples": list(resolver.examples),
        "options": [_option(option) for option in spec.options] if spec is not None else [],
    }


def _preset(preset: "Preset", plugin: "Plugin") -> dict[str, Any]:
    return {
        **_origin(preset, plugin),
        "matcher": preset.matcher,
        "options": dict(preset.options),
    }


def _lines(kind: str, item: dict[str, Any], shown: dict[str, str]) -> list[str]:
    """The lines of an item; `shown` has the names of items by the options that they listed."""
    more = [f"from {item['plugin']} {item['version']}"]
    if kind == "extractors":
        own = [f"preset {item['preset']}"] if item["preset"] else []
        runtimes = f"runtimes {', '.join(item['runtimes'])}"
        more.append("; ".join([f"family {item['family']}", *own, runtimes]))
    if item.get("examples"):
        more.append(f"such as {', '.join(item['examples'][:3])}")
    if kind == "presets":
        values = [f"-o {name} {value}" for name, value in item["options"].items()]
        more.append(" ".join(["--matcher", item["matcher"], *values]))
    elif item["options"]:
        key = json.dumps(item["options"])
        more += [f"options as {shown[key]}"] if key in shown else _options(item)
        shown.setdefault(key, item["name"])
    return [f"{item['name']:14}  {item['summary']}", *(f"{'':14}  {line}" for line in more)]


def _options(item: dict[str, Any]) -> list[str]:
    return [
        f"-o {option['name']} {option['type'].upper()}: {option['help']} "
        f"(default {option['default']})"
        for option in item["options"]
    ]
