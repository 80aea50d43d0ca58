"""`mel-debug cache`: show, prune and clear the feature cache."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mel_debug.cli.options import (
    json_option,
)
from mel_debug.cli.stage_options import (
    cache_dir_option,
)
from mel_debug.console.terminal import echo_line

if TYPE_CHECKING:
    from mel_debug.cache.store import Entry


@click.group("cache")
def command() -> None:
    """Show, prune or clear the feature cache.

    The cache stores the features of photos, results of the accurate search for pairs of photos, and
    models converted for OpenVINO. Features are stored by the content of the photo and its mask, the
    extractor, its weights and its options. When the cache is larger than MEL_DEBUG_CACHE_SIZE
    (default: 10 GB), the least recently used entries are removed. They are computed again when they
    are needed.
    """


@command.command("info")
@cache_dir_option
@json_option
def info(cache_dir: Path | None, *, as_json: bool) -> None:
    """Show the folder, the contents and the size of the cache."""
    from mel_debug.cache.location import open_artifacts, open_store, size_text
    from mel_debug.cache.store import Kind

    store = open_store(cache_dir)
    entries = store.entries()
    used = sum(entry.size for entry in entries)
    models = open_artifacts(cache_dir).entries()
    model_bytes = sum(model.size for model in models)
    oldest = entries[0].used if entries else None
    counts = Counter(entry.kind for entry in entries)
    if as_json:
        report = {
            "folder": str(store.folder),
            "photos": counts[Kind.FEATURES],
            "pairs": counts[Kind.PAIR],
            "variants": counts[Kind.VARIANT],
            "tiles": counts[Kind.TILE],
            "bytes": used,
            "most_bytes": store.most_bytes,
            "oldest_use": oldest,
            "models": len(models),
            "model_bytes": model_bytes,
        }
        click.echo(json.dumps(report))
        return
    echo_line(f"folder      {store.folder}")
    click.echo(f"photos      {counts[Kind.FEATURES]}")
    if counts[Kind.PAIR]:
        click.echo(f"pairs       {counts[Kind.PAIR]}")
    click.echo(f"size        {size_text(used)} of at most {size_text(store.most_bytes)}")
    if models:
        click.echo(f"models      {_models(len(models))}, {size_text(model_bytes)} more")
    if oldest is not None:
        click.echo(f"oldest use  {time.strftime('%Y-%m-%d %H:%M', time.localtime(oldest))}")


@command.command("clear")
@cache_dir_option
def clear(cache_dir: Path | None) -> None:
    """Remove everything from the cache.

    Only files that the cache itself has written are removed; other files in its folder stay.
    """
    from mel_debug.cache.digests import Digests
    from mel_debug.cache.location import open_artifacts, open_store, size_text

    store = open_store(cache_dir)
    Digests(store.folder).clear()
    models = open_artifacts(cache_dir).clear()
    _report(store.folder, store.clear())
    if models:
        size = sum(model.size for model in models)
        click.echo(f"removed {size_text(size)} of {_models(len(models))}")


@command.command("prune")
@click.option(
    "--max-size",
    metavar="SIZE",
    help="The size to keep, such as 500MB or 2GiB.  [default: MEL_DEBUG_CACHE_SIZE, else 10 GB]",
)
@cache_dir_option
def prune(max_size: str | None, cache_dir: Path | None) -> None:
    """Remove the least recently used features until the cache is small enough.

    Converted models are only removed by `clear`.
    """
    from mel_debug.cache.location import open_store, parse_size

    store = open_store(cache_dir)
    most = store.most_bytes if max_size is None else parse_size(max_size)
    _report(store.folder, store.prune(most))


def _report(folder: Path, removed: "list[Entry]") -> None:
    from mel_debug.cache.location import size_text
    from mel_debug.cache.store import Kind

    counts = Counter(entry.kind for entry in removed)
    what = _number(counts[Kind.FEATURES], "photo")
    pairs = counts[Kind.PAIR]
    if pairs:
        what += f" and {pairs} pair{'s' * (pairs != 1)}"
    size = sum(entry.size for entry in removed)
    echo_line(f"removed {size_text(size)} of {what} from {folder}")


def _models(number: int) -> str:
    return _number(number, "converted model")


def _number(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"
