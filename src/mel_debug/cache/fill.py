"""Filling the cache for many photos: threads decode ahead of the extractor, and write behind it."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from mel_debug.cache.encoding import StoredFeatures, encode
from mel_debug.cache.features import CachedFeatures
from mel_debug.core.errors import MelError, text_of
from mel_debug.core.geometry import Size
from mel_debug.core.types import Photo, Vectors
from mel_debug.matching.features import Prepared
from mel_debug.matching.tiles import BATCH_PIXELS

MOST_AT_ONCE = 16
"""Photos in one batch at most, so that little is lost if the process is killed."""

BATCHES_AHEAD = 2
"""Batches that are decoded while the extractor works on one."""

BATCHES_BEHIND = 1
"""Batches that are encoded and written while the extractor works on the next."""

Item = TypeVar("Item")
Result = TypeVar("Result")
OpenPhoto = Callable[[], Photo]


@dataclass(frozen=True, slots=True)
class Missing:
    """A photo of which the cache has no features: its key, and the size it will be scaled to."""

    name: str
    open: OpenPhoto
    key: str
    scaled: Size


@dataclass(frozen=True, slots=True)
class Failure:
    """A photo whose features could not be extracted, and why."""

    name: str
    reason: str


def find_missing(
    features: CachedFeatures, photos: Sequence[tuple[str, OpenPhoto]]
) -> Iterator[Missing | Failure | None]:
    """For each named photo, in order: what is missing, what is bad, or None for what is there.

    Files are read in threads. Extractors that tell nothing before they are built are built here.
    """
    if features.extractor.identity() is None:
        _ = features.extractor.built

    def look(photo: tuple[str, OpenPhoto]) -> Missing | Failure | None:
        name, open_photo = photo
        try:
            return missing_of(features, name, open_photo)
        except Exception as error:  # noqa: BLE001 - one bad photo must not stop the rest
            return _failure(name, error)

    with _threads() as pool:
        yield from _in_order(pool, look, photos, 4 * _cores())


def fill(
    features: CachedFeatures, missing: Iterable[Missing]
) -> Generator[Failure | None, None, None]:
    """Describe and keep what is missing; gives, for each photo in turn, what is wrong with it.

    Photos of one scaled size share forward passes. What was given is on the disk. The extractor
    is built first: raises MelError without weights, or when the cache can't be written.
    """
    _ = features.extractor.built

    def prepare(photo: Missing) -> Prepared | Failure:
        try:
            return _prepared(features, photo)
        except Exception as error:  # noqa: BLE001 - one bad photo must not stop the rest
            return _failure(photo.name, error)

    def keep(photo: Missing, prepared: Prepared, vectors: Vectors | Failure) -> Failure | None:
        if isinstance(vectors, Failure):
            return vectors
        features.store.write(photo.key, _encoded(features, photo, prepared, vectors))
        return None

    batches = list(_batches({photo.key: photo for photo in missing}.values()))
    with _threads() as pool:
        coming: deque[list[tuple[Missing, Future[Prepared | Failure]]]] = deque()
        going: deque[list[Future[Failure | None]]] = deque()
        for batch in [*batches, *[[]] * BATCHES_AHEAD]:
            coming.append([(photo, pool.submit(prepare, photo)) for photo in batch])
            if len(coming) <= BATCHES_AHEAD:
                continue
            decoded = [(photo, made.result()) for photo, made in coming.popleft()]
            yield from (made for _, made in decoded if isinstance(made, Failure))
            good = [(photo, made) for photo, made in decoded if isinstance(made, Prepared)]
            going.append(
                [pool.submit(keep, *described) for described in _described(features, good)]
            )
            if len(going) > BATCHES_BEHIND:
                yield from (kept.result() for kept in going.popleft())
        yield from (kept.result() for batch in going for kept in batch)


def missing_of(features: CachedFeatures, name: str, open_photo: OpenPhoto) -> Missing | None:
    """A photo if the cache has no features of it, else None.

    Raises MelError when it can't be read. The extractor must tell its identity or be built.
    """
    opened = open_photo()
    key = features.key_of(opened)
    if key is None:
        raise MelError(f"{name}: nothing tells its content")
    if features.recall(key) is not None:
        return None
    return Missing(name, open_photo, key, features.features.grid_of(opened.size).scaled)


def encoded(features: CachedFeatures, missing: Missing) -> bytes:
    """What the cache will hold of a photo: decoded and described now, and not kept yet.

    Raises MelError when something is wrong with it.
    """
    prepared = _prepared(features, missing)
    return _encoded(features, missing, prepared, features.features.describe([prepared])[0])


def _prepared(features: CachedFeatures, missing: Missing) -> Prepared:
    photo = missing.open()
    prepared = features.features.prepare(photo)
    if features.key_of(photo) != missing.key or prepared.grid.scaled != missing.scaled:
        raise MelError(f"{missing.name} changed while it was read; run again")
    return prepared


def _described(
    features: CachedFeatures, batch: Sequence[tuple[Missing, Prepared]]
) -> Iterator[tuple[Missing, Prepared, Vectors | Failure]]:
    """Photos of one scaled size with their vectors, or what is wrong with them."""
    if not batch:
        return
    try:
        vectors = features.features.describe([prepared for _, prepared in batch])
    except Exception as error:  # noqa: BLE001 - one bad photo must not stop the rest
        if len(batch) == 1:
            yield *batch[0], _failure(batch[0][0].name, error)
            return
        for one in batch:  # find out which of them it is
            yield from _described(features, [one])
        return
    for one, described in zip(batch, vectors, strict=True):
        yield *one, described


def _encoded(
    features: CachedFeatures, missing: Missing, prepared: Prepared, vectors: Vectors
) -> bytes:
    colour = features.extractor.mean_colour
    found = StoredFeatures.of(prepared.grid, vectors, prepared.valid, colour, prepared.preview)
    return encode(missing.key, found)


def _batches(missing: Iterable[Missing]) -> Iterator[list[Missing]]:
    """Photos of the same scaled size together, each batch at most `BATCH_PIXELS` or one photo."""

    def shape(photo: Missing) -> tuple[int, int]:
        return photo.scaled.height, photo.scaled.width

    for (height, width), alike in groupby(sorted(missing, key=shape), key=shape):
        photos = list(alike)
        at_once = min(MOST_AT_ONCE, max(1, BATCH_PIXELS // (height * width)))
        yield from (photos[start : start + at_once] for start in range(0, len(photos), at_once))


def _in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[Item], Result],
    items: Sequence[Item],
    ahead: int,
) -> Iterator[Result]:
    """As `pool.map`, but only `ahead` items are under way at a time."""
    running: deque[Future[Result]] = deque()
    for item in items:
        running.append(pool.submit(work, item))
        if len(running) >= ahead:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()


def _threads() -> AbstractContextManager[ThreadPoolExecutor]:
    return _Stopping(min(8, _cores() + 1))


class _Stopping(ThreadPoolExecutor):
    """A pool that does not start what is waiting once its user has stopped."""

    def __exit__(self, *_: object) -> None:
        self.shutdown(wait=True, cancel_futures=True)


def _cores() -> int:
    return os.cpu_count() or 1


def _failure(name: str, error: Exception) -> Failure:
    return Failure(name, text_of(error))
