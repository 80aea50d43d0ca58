"""Small pictures of photos as people see them, for a page that opens at once."""

import hashlib
from collections.abc import Callable

import numpy as np

from mel_debug.cache.results import Results
from mel_debug.cache.store import FileStore, Kind
from mel_debug.core.photo import Photo

FORMAT = 1
"""Part of every key; increase it with any change of what is stored."""


class ShownPreviews:
    """Small pictures of photos as people see them, in a store: not painted outside the mask.

    Each is a JPEG file by the content of its photo and by `made`, which says how it was made.
    """

    def __init__(self, store: FileStore, made: str) -> None:
        self._results, self._made = Results(store, Kind.VARIANT), made

    def of(self, photo: Photo, make: Callable[[], bytes]) -> bytes:
        """The stored picture of a photo, or the one that `make` returns, which is then stored.

        Raises MelError if the photo can't be read any more, and like `make`.
        """
        key = self._key(photo)
        stored = None if key is None else self._results.find(key)
        if stored is not None and "jpeg" in stored:
            return stored["jpeg"].tobytes()
        jpeg = make()
        if key is not None and self._key(photo) == key:  # else the photo changed meanwhile
            self._results.store(key, {"jpeg": np.frombuffer(jpeg, np.uint8)})
        return jpeg

    def _key(self, photo: Photo) -> str | None:
        if photo.key is None:
            return None
        text = f"shown {FORMAT} {self._made} of {photo.key()}"
        return hashlib.sha256(text.encode()).hexdigest()
