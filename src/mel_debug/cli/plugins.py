"""`mel-debug plugins`: the installed stages and presets, and the plugins that provide them."""

import json
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.options import json_option

if TYPE_CHECKING:
    from mel_debug.core.stages import Option, Preset, StageSpec
    from mel_debug.plugins.loading import Plugin
    from mel_debug.plugins.registry import Registry


@click.command("plugins")
@json_option
def command(*, as_json: bool) -> None:
    """List installed extractors, matchers, renderers and presets.

    Shows each one's summary and options, and the plugin and version that provide it.
    """
    from mel_debug.plugins.registry import load_registry

    listing = _listing(load_registry())
    if as_json:
        click.echo(json.dumps(listing))
        return
    for kind, items in listing.items():
        click.echo(f"{kind}:")
        for item in items:
            for line in _lines(kind, item):
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


def _preset(preset: "Preset", plugin: "Plugin") -> dict[str, Any]:
    return {
        **_origin(preset, plugin),
        "matcher": preset.matcher,
        "options": dict(preset.options),
    }


def _lines(kind: str, item: dict[str, Any]) -> list[str]:
    more = [f"from {item['plugin']} {item['version']}"]
    if kind == "extractors":
        own = [f"preset {item['preset']}"] if item["preset"] else []
        runtimes = f"runtimes {', '.join(item['runtimes'])}"
        more.append("; ".join([f"family {item['family']}", *own, runtimes]))
    if kind == "presets":
        values = [f"-o {name} {value}" for name, value in item["options"].items()]
        more.append(" ".join(["--matcher", item["matcher"], *values]))
    else:
        more += [
            f"-o {option['name']} {option['type'].upper()}: {option['help']} "
            f"(default {option['default']})"
            for option in item["options"]
        ]
    return [f"{item['name']:14}  {item['summary']}", *(f"{'':14}  {line}" for line in more)]
