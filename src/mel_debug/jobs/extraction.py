"""Describing photos into the feature cache, on whatever worker."""

import functools
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mel_debug.jobs.results import WorkerSetupError, reason_of
from mel_debug.plugins.config import RunConfig, resolve

if TYPE_CHECKING:
    from mel_debug.cache.features import CachedFeatures


@dataclass(frozen=True, slots=True)
class Describe:
    """A photo to describe, with stages as `portable` makes them.

    `name` is what a person calls it and `path` where every worker finds it. `identity` is what
    `LazyExtractor.identity` told where the run was started: what a worker with other weights or
    libraries makes would not be found there.
    """

    wanted: RunConfig
    path: Path
    name: str
    use_mask: bool = True
    identity: str | None = None

    def __str__(self) -> str:
        return self.name


def describe(task: Describe) -> bool:
    """Describe a photo unless the cache has it; tells whether it had to be described.

    Stages are built once in each process. Raises MelError when something is wrong with the photo,
    WorkerSetupError when it is with this worker: no such plugin, no weights, other ones, no way to write
    the cache.
    """
    from mel_debug.cache.fill import encoded, missing_of
    from mel_debug.files.photos import read_photo

    features = _features_for(task)
    opened = partial(read_photo, task.path, use_mask=task.use_mask)
    missing = missing_of(features, task.name, opened)
    if missing is None:
        return False
    with _fit():
        _ = features.extractor.built
    data = encoded(features, missing)
    with _fit():
        features.store.write(missing.key, data)
    return True


def _features_for(task: Describe) -> "CachedFeatures":
    """Those of this process, built anew if weights were replaced since: a worker may live long."""
    for _ in range(2):
        features = _features(pickle.dumps(task.wanted))
        if task.identity in (None, features.extractor.identity()):
            return features
        _features.cache_clear()
    raise WorkerSetupError(
        f"its weights of {task.wanted.extractor or 'the extractor'}, or the libraries that run "
        "it, are not those of the machine that asks; install the same on both"
    )


@functools.lru_cache(maxsize=1)
def _features(wanted: bytes) -> "CachedFeatures":
    with _fit():
        features = resolve(pickle.loads(wanted)).build_cached_features()  # noqa: S301 - our own
        if features.extractor.identity() is None:
            _ = features.extractor.built
        return features


@contextmanager
def _fit() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise WorkerSetupError(reason_of(error)) from error
