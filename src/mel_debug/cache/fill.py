"""Filling the cache for many photos, with threads that decode and store beside the extractor."""

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
from mel_debug.core.threads import cores
from mel_debug.core.types import Photo, Vectors
from mel_debug.matching.features import Prepared
from mel_debug.matching.tiles import BATCH_PIXELS

MAX_BATCH_PHOTOS = 16
"""At most this many photos share a batch, so that little is lost if the process is killed."""

BATCHES_AHEAD = 2
"""Batches that are decoded while the extractor works on another."""

BATCHES_BEHIND = 1
"""Batches that are encoded and stored while the extractor works on the next one."""

Item = TypeVar("Item")
Result = TypeVar("Result")
OpenPhoto = Callable[[], Photo]


@dataclass(frozen=True, slots=True)
class Missing:
    """A photo that the cache lacks; `scaled` is its size when the extractor gets it."""

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
    """For each photo in order: `Missing`, `Failure` if it cannot be read, or None if it is cached.

    `photos` are names and functions that open them; files are read in threads. The extractor is
    built if its identity is unknown before.
    """
    if features.extractor.identity() is None:
        _ = features.extractor.built

    def check(photo: tuple[str, OpenPhoto]) -> Missing | Failure | None:
        name, open_photo = photo
        try:
            return missing_photo(features, name, open_photo)
        except Exception as error:  # noqa: BLE001 - one bad photo must not stop the others
            return _failure(name, error)

    with _threads() as pool:
        yield from _in_order(pool, check, photos, 4 * cores())


def fill(
    features: CachedFeatures, missing: Iterable[Missing]
) -> Generator[Failure | None, None, None]:
    """Extract and store missing photos; yields for each a failure, or None when it is on the disk.

    Photos of one scaled size share forward passes, so results come in another order. Raises
    MelError if the extractor cannot be built, before any photo, or if the cache cannot be written.
    """
    _ = features.extractor.built

    def prepare(photo: Missing) -> Prepared | Failure:
        try:
            return _prepared(features, photo)
        except Exception as error:  # noqa: BLE001 - one bad photo must not stop the others
            return _failure(photo.name, error)

    def store(photo: Missing, prepared: Prepared, vectors: Vectors | Failure) -> Failure | None:
        if isinstance(vectors, Failure):
            return vectors
        features.store.write(photo.key, _encoded(features, photo, prepared, vectors))
        return None

    batches = list(_batches({photo.key: photo for photo in missing}.values()))
    with _threads() as pool:
        decoding: deque[list[tuple[Missing, Future[Prepared | Failure]]]] = deque()
        storing: deque[list[Future[Failure | None]]] = deque()
        for batch in [*batches, *[[]] * BATCHES_AHEAD]:
            decoding.append([(photo, pool.submit(prepare, photo)) for photo in batch])
            if len(decoding) <= BATCHES_AHEAD:
                continue
            decoded = [(photo, made.result()) for photo, made in decoding.popleft()]
            yield from (made for _, made in decoded if isinstance(made, Failure))
            good = [(photo, made) for photo, made in decoded if isinstance(made, Prepared)]
            storing.append(
                [pool.submit(store, *extracted) for extracted in _extracted(features, good)]
            )
            if len(storing) > BATCHES_BEHIND:
                yield from (stored.result() for stored in storing.popleft())
        yield from (stored.result() for batch in storing for stored in batch)


def missing_photo(features: CachedFeatures, name: str, open_photo: OpenPhoto) -> Missing | None:
    """A photo if the cache lacks its features, else None.

    The extractor must have an identity or be built. Raises MelError if the photo cannot be read.
    """
    opened = open_photo()
    key = features.key_of(opened)
    if key is None:
        raise MelError(f"{name}: its features have no cache key")
    if features.lookup(key) is not None:
        return None
    return Missing(name, open_photo, key, features.features.grid_of(opened.size).scaled)


def extract_encoded(features: CachedFeatures, missing: Missing) -> bytes:
    """Extract the features of a photo and return what the cache is to store for its key.

    Raises MelError if the photo cannot be used.
    """
    prepared = _prepared(features, missing)
    return _encoded(features, missing, prepared, features.features.extract([prepared])[0])


def _prepared(features: CachedFeatures, missing: Missing) -> Prepared:
    photo = missing.open()
    prepared = features.features.prepare(photo)
    if features.key_of(photo) != missing.key or prepared.grid.scaled != missing.scaled:
        raise MelError(f"{missing.name} changed while it was read; run again")
    return prepared


def _extracted(
    features: CachedFeatures, batch: Sequence[tuple[Missing, Prepared]]
) -> Iterator[tuple[Missing, Prepared, Vectors | Failure]]:
    """Photos of one scaled size with their vectors, or with their failure."""
    if not batch:
        return
    try:
        vectors = features.features.extract([prepared for _, prepared in batch])
    except Exception as error:  # noqa: BLE001 - one bad photo must not stop the others
        if len(batch) == 1:
            yield *batch[0], _failure(batch[0][0].name, error)
            return
        for one in batch:  # find the one that fails
            yield from _extracted(features, [one])
        return
    for one, each in zip(batch, vectors, strict=True):
        yield *one, each


def _encoded(
    features: CachedFeatures, missing: Missing, prepared: Prepared, vectors: Vectors
) -> bytes:
    colour = features.extractor.mean_colour
    stored = StoredFeatures.of(prepared.grid, vectors, prepared.valid, colour, prepared.preview)
    return encode(missing.key, stored)


def _batches(missing: Iterable[Missing]) -> Iterator[list[Missing]]:
    """Batches of photos of one scaled size, each of one photo or at most `BATCH_PIXELS` pixels."""

    def shape(photo: Missing) -> tuple[int, int]:
        return photo.scaled.height, photo.scaled.width

    for (height, width), alike in groupby(sorted(missing, key=shape), key=shape):
        photos = list(alike)
        count = min(MAX_BATCH_PHOTOS, max(1, BATCH_PIXELS // (height * width)))
        yield from (photos[start : start + count] for start in range(0, len(photos), count))


def _in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[Item], Result],
    items: Sequence[Item],
    ahead: int,
) -> Iterator[Result]:
    """As `pool.map`, but at most `ahead` items are submitted at a time."""
    running: deque[Future[Result]] = deque()
    for item in items:
        running.append(pool.submit(work, item))
        if len(running) >= ahead:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()


def _threads() -> AbstractContextManager[ThreadPoolExecutor]:
    return _CancellingPool(min(8, cores() + 1))


class _CancellingPool(ThreadPoolExecutor):
    """A pool that cancels waiting calls at the end of its block."""

    def __exit__(self, *_: object) -> None:
        self.shutdown(wait=True, cancel_futures=True)


def _failure(name: str, error: Exception) -> Failure:
    return Failure(name, text_of(error))
