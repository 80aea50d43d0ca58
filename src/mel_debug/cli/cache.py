"""`mel-debug cache`: what the feature cache holds, and making it smaller."""

import json
import time
from pathlib import Path

import click

from mel_debug.cli.options import cache_dir_option, json_option
from mel_debug.console.terminal import echo_line


@click.group("cache")
def command() -> None:
    """Look at the feature cache, prune it or clear it.

    It keeps what the extractor said of each photo, by the content of photo and mask, the extractor,
    its weights and its options. When it grows beyond MEL_DEBUG_CACHE_SIZE (10 GB unless set), what
    was used longest ago goes first. Models that were converted for OpenVINO are kept beside them.
    Removing any of it is safe: it is computed again.
    """


@command.command("info")
@cache_dir_option
@json_option
def info(cache_dir: Path | None, *, as_json: bool) -> None:
    """Show where the cache is, what it holds and how large it is."""
    from mel_debug.cache.location import open_artifacts, open_store, size_text

    store = open_store(cache_dir)
    entries = store.entries()
    used = sum(entry.size for entry in entries)
    models = open_artifacts(cache_dir).entries()
    model_bytes = sum(model.size for model in models)
    oldest = entries[0].used if entries else None
    if as_json:
        report = {
            "folder": str(store.folder),
            "photos": len(entries),
            "bytes": used,
            "most_bytes": store.most_bytes,
            "oldest_use": oldest,
            "models": len(models),
            "model_bytes": model_bytes,
        }
        click.echo(json.dumps(report))
        return
    echo_line(f"folder      {store.folder}")
    click.echo(f"photos      {len(entries)}")
    click.echo(f"size        {size_text(used)} of at most {size_text(store.most_bytes)}")
    if models:
        click.echo(f"models      {_models(len(models))}, {size_text(model_bytes)} more")
    if oldest is not None:
        click.echo(f"oldest use  {time.strftime('%Y-%m-%d %H:%M', time.localtime(oldest))}")


@command.command("clear")
@cache_dir_option
def clear(cache_dir: Path | None) -> None:
    """Remove everything the cache holds.

    Only files with the cache's own names and contents are removed; any other is left alone.
    """
    from mel_debug.cache.digests import Digests
    from mel_debug.cache.location import open_artifacts, open_store, size_text

    store = open_store(cache_dir)
    Digests(store.folder).clear()
    models = open_artifacts(cache_dir).clear()
    _report(store.folder, [entry.size for entry in store.clear()])
    if models:
        size = sum(model.size for model in models)
        click.echo(f"removed {size_text(size)} of {_models(len(models))}")


@command.command("prune")
@click.option(
    "--max-size",
    metavar="SIZE",
    help="What may stay, such as 500MB or 2GiB.  [default: MEL_DEBUG_CACHE_SIZE, else 10 GB]",
)
@cache_dir_option
def prune(max_size: str | None, cache_dir: Path | None) -> None:
    """Remove the features that were used longest ago until the rest is small enough.

    Converted models stay; `clear` removes them.
    """
    from mel_debug.cache.location import open_store, parse_size

    store = open_store(cache_dir)
    most = store.most_bytes if max_size is None else parse_size(max_size)
    _report(store.folder, [entry.size for entry in store.prune(most)])


def _report(folder: Path, removed: list[int]) -> None:
    from mel_debug.cache.location import size_text

    photos = "1 photo" if len(removed) == 1 else f"{len(removed)} photos"
    echo_line(f"removed {size_text(sum(removed))} of {photos} from {folder}")


def _models(number: int) -> str:
    return "1 converted model" if number == 1 else f"{number} converted models"
