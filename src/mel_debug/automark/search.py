"""The work on one pair of photos, wherever it is done: values that can be sent, and small answers.

Each process builds its stages once, from what was asked for, and keeps photos and features at hand.
"""

import functools
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import uuid4

from mel_debug.automark.joint import Candidate, Frame, Proposal
from mel_debug.cache.features import CachedFeatures
from mel_debug.cache.fill import encoded, missing_of
from mel_debug.confidence.blobs import blobs_at_marks
from mel_debug.confidence.judge import Judge
from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.core.stages import Matcher
from mel_debug.core.types import Match, Photo
from mel_debug.files.photos import read_photo
from mel_debug.jobs.portable import portable
from mel_debug.jobs.results import WorkerSetupError, reason_of
from mel_debug.matching.locate import check_mark, distinct_candidates, hidden_by_mask, locate
from mel_debug.matching.photo_cache import PhotoCache
from mel_debug.plugins.config import RunConfig, resolve

RUNNERS_UP = (0.2, 0.1, 0.05)
"""How likely the second, third and fourth best place are right if the best one is not: low, so that
only the other moles can make one of them believed."""


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """Which stages every search uses, the same in every process.

    `judge` gives the confidence as where the run was started, not by a worker's own calibration.
    `remembers`: features are kept in a cache that all processes share. `identity` tells what they
    depend on besides photos, as where the run was started; None while that can't be known. `run` is
    one run's own: a worker that lives long must not know a photo by its path from an earlier one.
    """

    wanted: RunConfig
    judge: Judge
    use_masks: bool = True
    remembers: bool = False
    identity: str | None = None
    run: str = field(default_factory=lambda: uuid4().hex)

    @classmethod
    def of(cls, wanted: RunConfig, *, use_masks: bool = True) -> "Setup":
        """Raises UsageError for a wrong request, MelError without weights.

        The extractor is built only where nothing else tells whether its weights can be had.
        """
        choice = resolve(wanted)
        remembers = choice.cache is not None and choice.extractor.depends_on is not None
        identity = None
        if remembers:
            extractor = choice.build_cached_features().extractor
            if extractor.identity() is None:
                _ = extractor.built
            identity = extractor.identity()
        judge = choice.judge()
        return cls(portable(wanted), judge, use_masks, remembers, identity)


@dataclass(frozen=True, slots=True)
class PhotoTask:
    """A photo to describe, so that its features are in the cache."""

    setup: Setup
    photo: Path

    def __str__(self) -> str:
        return str(self.photo)


@dataclass(frozen=True, slots=True, eq=False)
class PairTask:
    """The moles to look for in a target, by uuid and point in the reference.

    Each task is itself only: what was asked for may hold what can't be compared.
    """

    setup: Setup
    reference: Path
    target: Path
    moles: tuple[tuple[str, Point], ...]

    def __str__(self) -> str:
        return f"{self.target}, searched with {self.reference}"


@dataclass(frozen=True, slots=True)
class PairAnswer:
    """What a search gave: places by mole, and the moles that the reference can't show, and why.

    The moles in `bare` are marked where the reference shows no spot.
    """

    frame: Frame
    proposals: tuple[Proposal, ...]
    unseen: tuple[tuple[str, str], ...] = ()
    bare: frozenset[str] = frozenset()


@dataclass(slots=True)
class Searcher:
    """The stages of a setup, built, with the photos they have seen."""

    photo_cache: PhotoCache
    matcher: Matcher
    judge: Judge

    @classmethod
    def of(cls, setup: Setup) -> "Searcher":
        """Raises WorkerSetupError when this process can't have the stages, or not the same ones."""
        with _fit():
            choice = resolve(setup.wanted)
            features = choice.build_features()
            searcher = cls(
                PhotoCache(features, setup.use_masks),
                choice.build_matcher(),
                setup.judge,
            )
        told = features.extractor.identity() if isinstance(features, CachedFeatures) else None
        if setup.identity not in (None, told):
            raise WorkerSetupError(
                f"its weights of {choice.extractor.name}, or the libraries that run it, are not "
                "those of the machine that asks; install the same on both"
            )
        return searcher


def describe_photo(task: PhotoTask) -> None:
    """Describe a photo unless the cache has it; its features are then there for every process.

    Raises MelError when something is wrong with the photo, WorkerSetupError when it is with this process.
    """
    features = searcher_for(task.setup).photo_cache.features
    assert isinstance(features, CachedFeatures)  # noqa: S101 - `Setup.remembers`
    opened = partial(read_photo, task.photo, use_mask=task.setup.use_masks)
    missing = missing_of(features, str(task.photo), opened)
    if missing is None:
        return
    with _fit():
        _ = features.extractor.built
    data = encoded(features, missing)
    with _fit():
        features.store.write(missing.key, data)


def search_pair(task: PairTask) -> PairAnswer:
    """Look for all moles of a task at once. Raises MelError."""
    searcher = searcher_for(task.setup)
    source, target = (
        searcher.photo_cache.photo(task.reference),
        searcher.photo_cache.photo(task.target),
    )
    unseen: list[tuple[str, str]] = []
    sightings = {}
    for uuid, point in task.moles:
        reason = _unseen(uuid, source, point)
        if reason is None:
            sightings[uuid] = [(source, point)]
        else:
            unseen.append((uuid, reason))
    valid = float(searcher.photo_cache.of(target).valid.mean())
    frame = Frame(source.size, target.size, valid)
    if not sightings:
        return PairAnswer(frame, (), tuple(unseen))
    located = locate(sightings, target, searcher.photo_cache, searcher.matcher, searcher.judge)
    proposals = (
        _proposal(match, query.views[0].point)
        for query, match in zip(located.queries, located.matches, strict=True)
    )
    bare = frozenset(query.uuid for query in located.queries if not all(blobs_at_marks(query)))
    return PairAnswer(frame, tuple(proposals), tuple(unseen), bare)


def searcher_for(setup: Setup) -> Searcher:
    """The searcher of this process; made at the first call, and for another setup anew."""
    return _searcher(pickle.dumps(setup))


@functools.lru_cache(maxsize=1)
def _searcher(setup: bytes) -> Searcher:
    return Searcher.of(pickle.loads(setup))  # noqa: S301 - made by `searcher_for`


@contextmanager
def _fit() -> Iterator[None]:
    """What goes wrong within is no fault of a photo."""
    try:
        yield
    except Exception as error:
        raise WorkerSetupError(reason_of(error)) from error


def _unseen(uuid: str, source: Photo, point: Point) -> str | None:
    """Why a mole can't be searched with; None if it can."""
    try:
        check_mark(uuid, source, point)
    except MelError as error:
        return str(error)
    return hidden_by_mask(uuid, source, point)


def _proposal(match: Match, marked: Point) -> Proposal:
    """The best place, and where the matcher went by blob_similarity alone also the next best ones."""
    assert match.confidence is not None  # noqa: S101 - `search_pair` has it judged
    sure = match.confidence.probability
    candidates = [Candidate(match.best, sure)]
    by_geometry = match.method == "geometry"
    if not by_geometry:
        others = [place for place, _ in distinct_candidates(match, 1 + len(RUNNERS_UP))[1:]]
        candidates += [
            Candidate(place, (1 - sure) * share)
            for place, share in zip(others, RUNNERS_UP, strict=False)
        ]
    return Proposal(match.uuid, marked, tuple(candidates), by_geometry, _position_std_px(match))


def _position_std_px(match: Match) -> float:
    """The matcher's own figure, else that of a place anywhere in its cell (a uniform square)."""
    if match.position_std_px is not None:
        return match.position_std_px
    width, height = match.grid.cell_size
    return 0.0 if match.moves_px else float((width**2 + height**2) / 12) ** 0.5
