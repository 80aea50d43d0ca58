"""Shell completion of the names of installed stages and presets."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def installed(kind: str) -> Complete:
    """Return a shell completion of the names of installed stages, with their summaries.

    `kind` is `extractors`, `matchers`, `renderers` or `presets`. With `extractors`, the names that
    resolvers offer are included.
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
        items = [(item.name, item.summary) for item in named]
        if kind == "extractors":
            items += [
                (example, registered.resolver.summary)
                for registered in registry.resolvers.values()
                for example in registered.resolver.examples
            ]
        return [
            CompletionItem(name, help=summary) for name, summary in items if name.startswith(start)
        ]

    return complete
