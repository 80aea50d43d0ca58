"""Work for processes that share a folder; here, because a fresh process can import it by name."""

from pathlib import Path

from mel_debug.cache.store import FileStore

PLENTY = 10**9
ROUNDS = 150
SIZE = 100_000


def write_again_and_again(folder: Path, key: str, letter: bytes) -> None:
    """Replace one file of a cache many times."""
    store = FileStore(folder, PLENTY)
    for _ in range(ROUNDS):
        store.write(key, letter * SIZE)


def prune_again_and_again(folder: Path, key: str, letter: bytes) -> None:
    """The same, and empty the cache before each time."""
    store = FileStore(folder, PLENTY)
    for _ in range(ROUNDS):
        store.prune(0)
        store.write(key, letter * SIZE)
