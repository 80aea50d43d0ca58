"""Extracting the features of photos into the cache, on any kind of worker."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mel_debug.jobs.results import Failed, WorkerSetupError, as_setup_error
from mel_debug.jobs.stream import Progress, stream
from mel_debug.plugins.config import RunConfig, resolve

if TYPE_CHECKING:
    from mel_debug.cache.features import CachedFeatures
    from mel_debug.cache.fill import Failure
    from mel_debug.jobs.workers import Workers


@dataclass(frozen=True, slots=True)
class ExtractionTask:
    """A photo whose features are to be in the cache.

    `config` is a result of `RunConfig.portable`. `path` is valid on every worker, and `name` is the
    photo's name in messages. `identity` is `LazyExtractor.identity` on the machine that started the
    run: features of a worker with other weights or libraries would have other cache keys. None
    skips that check.
    """

    config: RunConfig
    path: Path
    name: str
    use_mask: bool = True
    identity: str | None = None

    def __str__(self) -> str:
        return self.name


def extract_to_cache(task: ExtractionTask) -> bool:
    """Extract the features of a photo unless the cache has them; returns whether it had to.

    Raises MelError if the photo cannot be used, and WorkerSetupError if this worker cannot do any
    task: a plugin is missing, the weights are missing or differ, or the cache cannot be written.
    """
    from mel_debug.cache.fill import extract_encoded, missing_photo
    from mel_debug.files.photos import read_photo

    features = worker_features(task.config, task.identity)
    opened = partial(read_photo, task.path, use_mask=task.use_mask)
    missing = missing_photo(features, task.name, opened)
    if missing is None:
        return False
    with as_setup_error():
        _ = features.extractor.built
    data = extract_encoded(features, missing)
    with as_setup_error():
        features.store.write(missing.key, data)
    return True


def prepare_worker(config: RunConfig) -> None:
    """Import what searches with a configuration need, except for the extractor.

    With cached features it may never be needed.
    """
    resolve(config).build_matcher()


@dataclass(frozen=True, slots=True)
class Extracted:
    """How many photos were extracted, how many were cached before, and which ones failed."""

    new: int
    cached: int
    failed: "tuple[Failure, ...]"


def extract_on_workers(
    workers: "Workers", tasks: Sequence[ExtractionTask], progress: Progress
) -> Extracted:
    """Run `extract_to_cache` for every task; failures are listed in the order of the tasks.

    Raises WorkerSetupError as `extract_to_cache` does, and MelError if all workers are lost.
    """
    from mel_debug.cache.fill import Failure
    from mel_debug.cache.location import open_store, warn_if_too_small

    new = cached = 0
    failures: dict[ExtractionTask, Failure] = {}
    outcomes = stream(workers, extract_to_cache, tasks)
    for outcome in progress(outcomes, "extracting", len(tasks), "photos"):
        if isinstance(outcome, Failed):
            failures[outcome.item] = Failure(outcome.item.name, outcome.reason)
        elif not outcome.result:
            cached += 1
        else:
            new += 1
            if new == 1:
                config = outcome.item.config
                warn_if_too_small(open_store(config.cache_dir, config.cache_bytes), len(tasks))
    return Extracted(new, cached, tuple(failures[task] for task in tasks if task in failures))


def known_identity(config: RunConfig) -> str | None:
    """What the features of a configuration depend on besides photos; see `LazyExtractor.identity`.

    The extractor is loaded only if its identity cannot be known before, for example because its
    weights have to be downloaded first. It stays loaded for the tasks of this process. Returns None
    for an extractor that never declares its identity. Raises MelError if it cannot be loaded.
    """
    return _shared_features(config).extractor.identity()


def worker_features(config: RunConfig, identity: str | None = None) -> "CachedFeatures":
    """The features of this process for a configuration; all tasks share one extractor.

    If the identity differs, the weights may have been replaced since an earlier run: the extractor
    is set up again. Raises WorkerSetupError if it still differs or if it cannot be loaded.
    """
    for _ in range(2):
        with as_setup_error():
            features = _shared_features(config)
        if identity in (None, features.extractor.identity()):
            return features
        _shared_features.cache_clear()
    raise WorkerSetupError(
        f"its weights of {config.extractor or 'the extractor'}, or the libraries that run them, "
        "differ from those of the machine that started the run; install the same on both"
    )


@functools.lru_cache(maxsize=1)
def _shared_features(config: RunConfig) -> "CachedFeatures":
    features = resolve(config).build_cached_features()
    if features.extractor.identity() is None:
        _ = features.extractor.built
    return features
