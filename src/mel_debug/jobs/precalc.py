"""Filling the cache for many photos, in this process or on workers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mel_debug.files.discovery import find_photos
from mel_debug.jobs.executors import check_workers, open_executor
from mel_debug.jobs.extraction import Extracted, ExtractionTask, extract_on_workers
from mel_debug.jobs.stream import Progress
from mel_debug.plugins.config import RunConfig, resolve

if TYPE_CHECKING:
    from mel_debug.cache.features import CachedFeatures


@dataclass(frozen=True, slots=True)
class Precalculated:
    """What was extracted, into which cache folder, and how long the extraction took."""

    extracted: Extracted
    folder: Path
    seconds: float


def precalculate(
    config: RunConfig,
    places: Sequence[Path],
    progress: Progress,
    *,
    use_masks: bool = True,
    jobs: int = 1,
    scheduler: str | None = None,
) -> Precalculated:
    """Extract the features of all photos that the cache lacks.

    `places` are photos and folders of photos, as `find_photos` takes them. See `open_executor` for
    `jobs` and `scheduler`. A photo that cannot be used is listed among the
    failures and does not stop the rest. Raises UsageError for a wrong configuration, and MelError
    if the extractor cannot be loaded, the cache cannot be written or all workers are lost.
    """
    check_workers(jobs, scheduler)
    features = resolve(config).build_cached_features()
    photos = find_photos(places)
    if jobs == 1 and scheduler is None:
        return _extract_here(features, photos, progress, use_masks)
    sent, identity = config.portable(), features.extractor.identity()
    tasks = [
        ExtractionTask(sent, path.absolute(), str(path), use_masks, identity) for path in photos
    ]
    with open_executor(jobs, scheduler) as workers:
        start = time.perf_counter()
        extracted = extract_on_workers(workers, tasks, progress)
        return Precalculated(extracted, features.store.folder, time.perf_counter() - start)


def _extract_here(
    features: "CachedFeatures", photos: Sequence[Path], progress: Progress, use_masks: bool
) -> Precalculated:
    """Look up all photos, then extract the missing ones in batches."""
    from mel_debug.cache.fill import Failure, Missing, fill, find_missing
    from mel_debug.cache.location import warn_if_too_small
    from mel_debug.files.photos import read_photo

    named = [(str(path), partial(read_photo, path, use_mask=use_masks)) for path in photos]
    found = list(progress(find_missing(features, named), "checking", len(named), "photos"))
    missing = [each for each in found if isinstance(each, Missing)]
    failed = [each for each in found if isinstance(each, Failure)]
    cached = len(photos) - len(missing) - len(failed)
    new = 0
    start = time.perf_counter()
    if missing:
        for failure in progress(fill(features, missing), "extracting", len(missing), "photos"):
            if failure is not None:
                failed.append(failure)
                continue
            new += 1
            if new == 1:
                warn_if_too_small(features.store, len(photos))
    seconds = time.perf_counter() - start
    order = {str(path): number for number, path in enumerate(photos)}
    failed.sort(key=lambda failure: order[failure.name])
    return Precalculated(Extracted(new, cached, tuple(failed)), features.store.folder, seconds)
