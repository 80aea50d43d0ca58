"""Shell completion of the names of installed stages and presets."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def installed(kind: str) -> Complete:
    """Return a shell completion of the names of installed stages, with their summaries.

    `kind` is `extractors`, `matchers`, `renderers` or `presets`.
    """

    def complete(_: click.Context, __: click.Parameter, start: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        from mel_debug.plugins.registry import load_registry

        registry = load_registry()
        named = (
            registry.presets.values()
            if kind == "presets"
            else [registered.spec for registered in registry.stages[kind].values()]
        )
        return [
            CompletionItem(item.name, help=item.summary)
            for item in named
            if item.name.startswith(start)
        ]

    return complete
