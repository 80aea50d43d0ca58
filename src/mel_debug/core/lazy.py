"""A value that is loaded on first use, or ahead of time in a thread."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """The result of `load`, which runs on first use, or in a thread after `prefetch`.

    Thread-safe: `load` runs once, and an error that it raises is raised in every thread that uses
    the value.
    """

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._loading: Future[T] | None = None
        self._retained = False

    @property
    def is_loading(self) -> bool:
        """Whether the value is loaded, or is being loaded."""
        return self._loading is not None

    def prefetch(self) -> None:
        """Start loading in a thread, for a value that will be needed soon."""
        with self._lock:
            if self._loading is None:
                self._loading = Future()
                # A daemon thread, so that the process can end while it is loading.
                threading.Thread(target=self._run, args=(self._loading,), daemon=True).start()

    def wait(self) -> None:
        """Wait for a value that is being loaded. Raises nothing: errors are raised at its use."""
        loading = self._loading
        if loading is not None:
            loading.exception()

    def get(self) -> T:
        """Return the value and retain it."""
        with self._lock:
            self._retained = True
            if self._loading is None:
                self._loading = Future()
                self._run(self._loading)
            loading = self._loading
        return loading.result()

    def take(self) -> tuple[T, bool]:
        """Return `(value, is_sole_owner)`, and stop retaining the value unless `get` was called.

        A sole owner may change the value. A later call loads it again.
        """
        with self._lock:
            loading, retained = self._loading, self._retained
            if not retained:
                self._loading = None
        return (self._load() if loading is None else loading.result()), not retained

    def _run(self, loading: "Future[T]") -> None:
        try:
            loading.set_result(self._load())
        except BaseException as error:  # noqa: BLE001 - raised where the value is used
            loading.set_exception(error)
