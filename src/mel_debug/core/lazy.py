"""A value that takes long to load: loaded once, and ahead of time where that helps."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """What `load` gives, loaded when it is first asked for, or from `begin` on in a thread.

    Any thread may ask; `load` runs once. What it raises, everyone who asks is told.
    """

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._loading: Future[T] | None = None
        self._kept = False

    def prefetch(self) -> None:
        """Start loading in the background, for what will be needed soon."""
        with self._lock:
            if self._loading is None:
                self._loading = Future()
                # A daemon: who stops early does not wait for what is no longer needed.
                threading.Thread(target=self._run, args=(self._loading,), daemon=True).start()

    def get(self) -> T:
        """The value, which is kept from now on."""
        with self._lock:
            self._kept = True
            if self._loading is None:
                self._loading = Future()
                self._run(self._loading)
            loading = self._loading
        return loading.result()

    def take(self) -> tuple[T, bool]:
        """The value for a last use, and whether who asks is the only one to have it.

        It is kept only if someone has asked to keep it before.
        """
        with self._lock:
            loading, kept = self._loading, self._kept
            if not kept:
                self._loading = None
        return (self._load() if loading is None else loading.result()), not kept

    def _run(self, loading: "Future[T]") -> None:
        try:
            loading.set_result(self._load())
        except BaseException as error:  # noqa: BLE001 - told to whoever asks
            loading.set_exception(error)
