"""Searches of all labelled pairs with all configurations; finished ones are stored."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mel_debug.confidence.answers import Answer
from mel_debug.confidence.evidence import evidence_of
from mel_debug.core.errors import MelError, text_of
from mel_debug.core.stages import Matcher
from mel_debug.core.types import Photo
from mel_debug.evaluation.configurations import Configuration
from mel_debug.evaluation.labelled import LabelledMole, LabelledPair, Skip, content_of
from mel_debug.evaluation.memory import peak_mb, reset_peak
from mel_debug.evaluation.state import Finished, State, key_of
from mel_debug.matching.locate import check_mark, hidden_by_mask, locate
from mel_debug.matching.photo_cache import PhotoCache
from mel_debug.version import __version__


@dataclass(frozen=True, slots=True)
class Task:
    """One pair to search with one configuration, and its key in the state."""

    configuration: Configuration
    pair: LabelledPair
    key: str


@dataclass(slots=True)
class Searcher:
    """The built stages of one configuration, with a cache of photos and features."""

    photo_cache: PhotoCache
    matcher: Matcher

    @classmethod
    def of(cls, configuration: Configuration, *, use_masks: bool = True) -> "Searcher":
        """Build the stages. Raises MelError, for example if the weights can't be downloaded."""
        run = configuration.run
        reset_peak()
        return cls(
            PhotoCache(run.build_features(), use_masks),
            run.build_matcher(),
        )

    def search(self, pair: LabelledPair) -> Finished:
        """Search all moles of a pair together; those that the source's mask hides are left out."""
        extracted_before = set(self.photo_cache.seconds)
        source, target = self.photo_cache.photo(pair.source), self.photo_cache.photo(pair.target)
        moles, notes = _searchable(pair, source)
        # Extract features first, so that matching is timed alone.
        if moles:
            self.photo_cache.of(source), self.photo_cache.of(target)
        start = time.perf_counter()
        answers = self._answers(pair, moles, source, target) if moles else ()
        return Finished(
            answers,
            tuple(
                seconds
                for name, seconds in self.photo_cache.seconds.items()
                if name not in extracted_before
            ),
            time.perf_counter() - start,
            peak_mb(),
            notes,
        )

    def _answers(
        self, pair: LabelledPair, moles: list[LabelledMole], source: Photo, target: Photo
    ) -> tuple[Answer, ...]:
        marked = {mole.uuid: [(source, mole.point)] for mole in moles}
        located = locate(marked, target, self.photo_cache, self.matcher)
        answers = []
        for mole, query, match in zip(moles, located.queries, located.matches, strict=True):
            truth = mole.truth
            answers.append(
                Answer(
                    source=str(pair.source),
                    target=str(pair.target),
                    uuid=mole.uuid,
                    truth=None if truth is None else (truth.x, truth.y),
                    answer=(match.best.x, match.best.y),
                    longest=target.size.longest,
                    evidence=dict(evidence_of(query, located.target, match)),
                )
            )
        return tuple(answers)


def _searchable(pair: LabelledPair, source: Photo) -> tuple[list[LabelledMole], tuple[str, ...]]:
    """Return the moles whose mark the mask does not hide, and a note on each of the others."""
    moles, notes = [], []
    for mole in pair.moles:
        check_mark(mole.uuid, source, mole.point)
        hidden = hidden_by_mask(mole.uuid, source, mole.point)
        if hidden is None:
            moles.append(mole)
        else:
            notes.append(f"{hidden}; not searched")
    return moles, tuple(notes)


def plan_tasks(
    configurations: Sequence[Configuration],
    pairs: Sequence[LabelledPair],
    *,
    use_masks: bool = True,
    skip: Skip | None = None,
) -> list[Task]:
    """Return a task for every pair and configuration, one configuration after the other.

    Reads every photo once, because a task's key contains digests of the files and of the weights.
    Pairs with a photo that can't be read are passed to `skip`; without `skip` the error is raised.
    Raises MelError if weights can't be downloaded.
    """
    contents = _contents(pairs, skip)
    pairs = [pair for pair in pairs if {pair.source, pair.target} <= set(contents)]
    identities = {each.identity: each.full_identity() for each in configurations}
    tasks = []
    for configuration in configurations:
        for pair in pairs:
            paths = (str(pair.source), str(pair.target))
            content = (contents[pair.source], contents[pair.target])
            settings = (__version__, identities[configuration.identity], str(use_masks))
            key = key_of(*settings, *paths, *content)
            tasks.append(Task(configuration, pair, key))
    return tasks


def _contents(pairs: Sequence[LabelledPair], skip: Skip | None) -> dict[Path, str]:
    """Return a digest of each photo that can be read."""
    contents = {}
    for path in dict.fromkeys(path for pair in pairs for path in (pair.source, pair.target)):
        try:
            contents[path] = content_of([path])
        except MelError as error:
            if skip is None:
                raise
            skip(str(path), error)
    return contents


def run(
    tasks: Sequence[Task],
    state: State,
    *,
    use_masks: bool = True,
    skip: Skip | None = None,
) -> Iterator[Task]:
    """Search the tasks that the state does not hold; yields each task when finished or skipped.

    It can be stopped at any time: finished tasks are in the state. A pair whose search fails is
    passed to `skip`; without `skip` its error is raised, a MelError with the pair's name added.
    Raises MelError if weights can't be downloaded.
    """
    searcher: tuple[Configuration, Searcher] | None = None
    for task in tasks:
        if task.key not in state.finished:
            if searcher is None or searcher[0] is not task.configuration:
                searcher = None  # free the old model before the new one is loaded
                configuration = task.configuration
                searcher = configuration, Searcher.of(configuration, use_masks=use_masks)
            try:
                finished = searcher[1].search(task.pair)
            except Exception as error:  # noqa: BLE001 - raised again unless skipped
                _skip(task, error, skip)
            else:
                state.add(task.key, finished)
        yield task


def _skip(task: Task, error: Exception, skip: Skip | None) -> None:
    """Pass the photo or pair that failed to `skip`; without `skip` raise its error."""
    source, target = str(task.pair.source), str(task.pair.target)
    if skip is None:
        if not isinstance(error, MelError):
            raise error
        label = task.configuration.label
        raise type(error)(f"{error} (searched with {label}, {source} -> {target})") from error
    reason = text_of(error)
    named = [photo for photo in (source, target) if photo in reason]
    skip(named[0] if len(named) == 1 else f"{source} -> {target}", error)
