"""The search of one pair of photos, as a task for a worker with a small result.

Each process builds its stages once and keeps the photos and features used last.
"""

import functools
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from mel_debug.automark.joint import Candidate, Frame, Proposal
from mel_debug.confidence.blobs import blobs_at_marks
from mel_debug.confidence.judge import Judge
from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.core.stages import Matcher
from mel_debug.core.types import Match, Photo
from mel_debug.jobs.extraction import known_identity, worker_features
from mel_debug.jobs.results import as_setup_error
from mel_debug.matching.locate import check_mark, distinct_candidates, hidden_by_mask, locate
from mel_debug.matching.photo_cache import PhotoCache
from mel_debug.plugins.config import RunConfig, resolve

RUNNERS_UP = (0.2, 0.1, 0.05)
"""The probabilities that the second, third and fourth best place are right if the best is wrong.

They are low, so that such a place is only chosen if the other moles support it. None is more
probable than the best place: on a photo without a single spot the best one has 1e-4, and three next
ones at 0.2, side by side, would support each other until one is marked.
"""


@dataclass(frozen=True, slots=True)
class Setup:
    """The stages of all searches of one run, the same in every process.

    `judge` is that of the machine that started the run, so that the calibrations of other machines
    play no part. `identity` is what the features depend on besides photos; None if they are not
    cached. `run` is unique to the run: a worker that outlives it must not take a photo by its path
    for the one it was in an earlier run.
    """

    config: RunConfig
    judge: Judge = field(compare=False)
    use_masks: bool = True
    identity: str | None = None
    run: str = field(default_factory=lambda: uuid4().hex)

    @classmethod
    def of(cls, config: RunConfig, *, use_masks: bool = True) -> "Setup":
        """Check a configuration, and load its extractor if its identity is unknown without.

        Raises UsageError for a wrong configuration, MelError if the extractor cannot be loaded.
        """
        run = resolve(config)
        sent = config.portable()
        is_cached = run.cache is not None and run.extractor.depends_on is not None
        return cls(sent, run.judge(), use_masks, known_identity(sent) if is_cached else None)


@dataclass(frozen=True, slots=True, eq=False)
class PairTask:
    """The moles to search for in a target, by uuid and by their point in the reference.

    Compared by identity: each task has its own result, even if two are equal.
    """

    setup: Setup
    reference: Path
    target: Path
    moles: tuple[tuple[str, Point], ...]

    def __str__(self) -> str:
        return f"{self.target}, searched with {self.reference}"


@dataclass(frozen=True, slots=True)
class PairResult:
    """The result of a search: candidates by mole.

    `unsearchable` are moles that the reference does not show, with the reason, and `without_blob`
    those with no blob at their mark in the reference. `absent_if_wrong` is the probability of moles
    to be absent from the target if their best match is wrong; moles without a calibrated one are
    left out.
    """

    frame: Frame
    proposals: tuple[Proposal, ...]
    unsearchable: tuple[tuple[str, str], ...] = ()
    without_blob: frozenset[str] = frozenset()
    absent_if_wrong: tuple[tuple[str, float], ...] = ()


@dataclass(slots=True)
class Searcher:
    """The built stages of a setup, with the photos used last."""

    photo_cache: PhotoCache
    matcher: Matcher
    judge: Judge

    @classmethod
    def of(cls, setup: Setup) -> "Searcher":
        """Cached features are those of `extract_to_cache`, so a process loads one extractor only.

        Raises WorkerSetupError if this process lacks a stage or has different weights.
        """
        with as_setup_error():
            run = resolve(setup.config)
            matcher = run.build_matcher()
            if setup.identity is None:
                return cls(PhotoCache(run.build_features(), setup.use_masks), matcher, setup.judge)
            features = worker_features(setup.config, setup.identity)
            return cls(PhotoCache(features, setup.use_masks), matcher, setup.judge)


def search_pair(task: PairTask) -> PairResult:
    """Search for all moles of a task at once. Raises MelError if a photo cannot be used."""
    searcher = searcher_for(task.setup)
    source, target = (
        searcher.photo_cache.photo(task.reference),
        searcher.photo_cache.photo(task.target),
    )
    unsearchable: list[tuple[str, str]] = []
    marks = {}
    for uuid, point in task.moles:
        reason = _unsearchable_reason(uuid, source, point)
        if reason is None:
            marks[uuid] = [(source, point)]
        else:
            unsearchable.append((uuid, reason))
    valid = float(searcher.photo_cache.of(target).valid.mean())
    frame = Frame(source.size, target.size, valid)
    if not marks:
        return PairResult(frame, (), tuple(unsearchable))
    located = locate(marks, target, searcher.photo_cache, searcher.matcher, searcher.judge)
    proposals = (
        _proposal(match, query.views[0].point)
        for query, match in zip(located.queries, located.matches, strict=True)
    )
    without_blob = frozenset(
        query.uuid for query in located.queries if not all(blobs_at_marks(query))
    )
    absent = tuple(
        (match.uuid, share)
        for match in located.matches
        if (share := _absent_if_wrong(match)) is not None
    )
    return PairResult(frame, tuple(proposals), tuple(unsearchable), without_blob, absent)


@functools.lru_cache(maxsize=1)
def searcher_for(setup: Setup) -> Searcher:
    """The searcher of this process for a setup; another setup replaces it."""
    return Searcher.of(setup)


def _unsearchable_reason(uuid: str, source: Photo, point: Point) -> str | None:
    """The reason why a mole cannot be searched for from this photo; None if it can."""
    try:
        check_mark(uuid, source, point)
    except MelError as error:
        return str(error)
    return hidden_by_mask(uuid, source, point)


def _proposal(match: Match, marked: Point) -> Proposal:
    """The best place, and for a matcher that ignores geometry also the next best ones."""
    assert match.confidence is not None  # noqa: S101 - `search_pair` passes a judge
    probability = match.confidence.probability
    candidates = [Candidate(match.best, probability)]
    by_geometry = match.method == "geometry"
    if not by_geometry:
        others = [place for place, _ in distinct_candidates(match, 1 + len(RUNNERS_UP))[1:]]
        candidates += [
            Candidate(place, min((1 - probability) * share, probability))
            for place, share in zip(others, RUNNERS_UP, strict=False)
        ]
    return Proposal(match.uuid, marked, tuple(candidates), by_geometry, _position_std_px(match))


def _absent_if_wrong(match: Match) -> float | None:
    sure = match.confidence
    if sure is None or sure.absent is None or not sure.calibrated:
        return None
    return sure.absent / (1 - sure.probability) if sure.probability < 1 else 0.0


def _position_std_px(match: Match) -> float:
    """The matcher's own value, else that of a uniform distribution over a cell.

    0 for a matcher that refines its places beyond cells without a value of its own.
    """
    if match.position_std_px is not None:
        return match.position_std_px
    width, height = match.grid.cell_size
    return 0.0 if match.moves_px else float((width**2 + height**2) / 12) ** 0.5
