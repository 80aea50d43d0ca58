"""`mel-debug plugins`: what is on offer, and from whom."""

import json
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.options import json_option

if TYPE_CHECKING:
    from mel_debug.plugins.registry import Registered


@click.command("plugins")
@json_option
def command(*, as_json: bool) -> None:
    """List every extractor, matcher and renderer: its plugin, version, summary and options."""
    from mel_debug.plugins.registry import load_registry

    stages = {
        stage: [_described(registered) for registered in offers.values()]
        for stage, offers in load_registry().stages.items()
    }
    if as_json:
        click.echo(json.dumps(stages))
        return
    for stage, offers in stages.items():
        click.echo(f"{stage}:")
        for offer in offers:
            click.echo(f"  {offer['name']:14}  {offer['summary']}")
            click.echo(f"  {'':14}  from {offer['plugin']} {offer['version']}")
            for option in offer["options"]:
                click.echo(
                    f"  {'':14}  -o {option['name']} {option['type'].upper()}: {option['help']} "
                    f"(default {option['default']})"
                )


def _described(registered: "Registered") -> dict[str, Any]:
    spec, plugin = registered.spec, registered.plugin
    return {
        "name": spec.name,
        "plugin": plugin.name,
        "version": plugin.version,
        "summary": spec.summary,
        "options": [
            {
                "name": option.name,
                "type": type(option.default).__name__,
                "default": option.default,
                "choices": list(option.choices),
                "help": option.help,
            }
            for option in spec.options
        ],
    }
