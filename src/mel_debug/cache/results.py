"""Arrays that stages have computed from photos, in the cache of features; a `ResultCache`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mel_debug.cache.encoding import CHECKSUM, checksum
from mel_debug.cache.store import FileStore, Kind

KEY = "key"
"""The name of an array with the file's own key, to detect files with a wrong name."""


class Results:
    """Arrays by key in a store; damaged files are ignored, and replaced by the next `store`.

    With a `kind`, all are of that kind.
    """

    def __init__(self, store: FileStore, kind: Kind | None = None) -> None:
        self._store, self._kind = store, kind

    def find(self, key: str, *, of_pair: bool = True) -> dict[str, NDArray[Any]] | None:
        """See `ResultCache.find`."""
        data = self._store.read(key, self._kind_of(of_pair))
        return None if data is None else unpacked(key, data)

    def store(self, key: str, arrays: Mapping[str, NDArray[Any]], *, of_pair: bool = True) -> None:
        """See `ResultCache.store`. Raises ValueError for arrays named `key` or `checksum`."""
        self._store.try_write(key, packed(key, arrays), self._kind_of(of_pair))

    def _kind_of(self, of_pair: bool) -> Kind:
        return self._kind or (Kind.PAIR if of_pair else Kind.VARIANT)


def packed(key: str, arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays as the bytes of a safetensors file; see `Results.store`."""
    from safetensors.numpy import save

    if {KEY, CHECKSUM} & set(arrays):
        raise ValueError(f"arrays named {KEY} and {CHECKSUM} are the cache's own")
    content = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    content[KEY] = np.frombuffer(bytes.fromhex(key), dtype=np.uint8)
    content[CHECKSUM] = np.array([checksum(content)], dtype=np.uint32)
    return bytes(save(content))


def unpacked(key: str, data: bytes) -> dict[str, NDArray[Any]] | None:
    """The inverse of `packed`; None for data of another key or that is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        content: dict[str, NDArray[Any]] = load(data)
        if content.pop(CHECKSUM).tolist() != [checksum(content)]:
            return None
        is_ours = content.pop(KEY).tobytes() == bytes.fromhex(key)
    except (SafetensorError, KeyError, ValueError, TypeError):
        return None
    return content if is_ours else None
