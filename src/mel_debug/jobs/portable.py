"""What was asked for, so that it means the same in another process and on another machine."""

from dataclasses import replace

from mel_debug.plugins.config import RunConfig


def portable(wanted: RunConfig) -> RunConfig:
    """The same, with nothing left to the environment or the folder of whoever reads it.

    Paths are absolute, not resolved: links may lead elsewhere on other machines.
    """
    from mel_debug.cache.location import open_store

    store = open_store(wanted.cache_dir, wanted.cache_bytes)
    return replace(
        wanted,
        cache_dir=store.folder.absolute(),
        cache_bytes=store.most_bytes,
        weights=None if wanted.weights is None else wanted.weights.absolute(),
    )
