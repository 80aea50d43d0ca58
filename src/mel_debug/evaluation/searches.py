"""Ask every question of every pair under every configuration, and keep what is finished."""

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
from mel_debug.evaluation.labelled import LabelledPair, Question, Skip, content_of
from mel_debug.evaluation.memory import peak_mb, reset_peak
from mel_debug.evaluation.state import Finished, State, key_of
from mel_debug.matching.locate import check_mark, hidden_by_mask, locate
from mel_debug.matching.photo_cache import PhotoCache
from mel_debug.version import __version__


@dataclass(frozen=True, slots=True)
class Task:
    """One pair under one configuration, by the key of its place in the state."""

    configuration: Configuration
    pair: LabelledPair
    key: str


@dataclass(slots=True)
class Searcher:
    """The stages of one configuration, built, with the photos it has seen."""

    photo_cache: PhotoCache
    matcher: Matcher

    @classmethod
    def of(cls, configuration: Configuration, *, use_masks: bool = True) -> "Searcher":
        """Raises MelError, also when the weights can't be had."""
        choice = configuration.choice
        reset_peak()
        return cls(
            PhotoCache(choice.build_features(), use_masks),
            choice.build_matcher(),
        )

    def ask(self, pair: LabelledPair) -> Finished:
        """All questions of a pair in one search. A mole that the mask hides is left out."""
        described = set(self.photo_cache.seconds)
        source, target = self.photo_cache.photo(pair.source), self.photo_cache.photo(pair.target)
        questions, notes = _askable(pair, source)
        # StoredFeatures first, so that matching is timed alone.
        if questions:
            self.photo_cache.of(source), self.photo_cache.of(target)
        start = time.perf_counter()
        answers = self._answers(pair, questions, source, target) if questions else ()
        return Finished(
            answers,
            tuple(s for name, s in self.photo_cache.seconds.items() if name not in described),
            time.perf_counter() - start,
            peak_mb(),
            notes,
        )

    def _answers(
        self, pair: LabelledPair, questions: list[Question], source: Photo, target: Photo
    ) -> tuple[Answer, ...]:
        sightings = {question.uuid: [(source, question.point)] for question in questions}
        located = locate(sightings, target, self.photo_cache, self.matcher)
        answers = []
        for question, query, match in zip(questions, located.queries, located.matches, strict=True):
            truth = question.truth
            answers.append(
                Answer(
                    source=str(pair.source),
                    target=str(pair.target),
                    uuid=question.uuid,
                    truth=None if truth is None else (truth.x, truth.y),
                    answer=(match.best.x, match.best.y),
                    longest=target.size.longest,
                    evidence=dict(evidence_of(query, located.target, match)),
                )
            )
        return tuple(answers)


def _askable(pair: LabelledPair, source: Photo) -> tuple[list[Question], tuple[str, ...]]:
    """The questions whose mark can be searched with, and a note on each of the others."""
    questions, notes = [], []
    for question in pair.questions:
        check_mark(question.uuid, source, question.point)
        hidden = hidden_by_mask(question.uuid, source, question.point)
        if hidden is None:
            questions.append(question)
        else:
            notes.append(f"{hidden}; not asked")
    return questions, tuple(notes)


def plan_tasks(
    configurations: Sequence[Configuration],
    pairs: Sequence[LabelledPair],
    *,
    use_masks: bool = True,
    skip: Skip | None = None,
) -> list[Task]:
    """Every pair under every configuration, one configuration after the other.

    Reads all photos' bytes once: a key names what is in the files, and the stages and weights
    that search them. Pairs of a photo that can't be read are skipped; without `skip` the error is
    raised. Raises MelError, also when the weights can't be had.
    """
    contents = _contents(pairs, skip)
    pairs = [pair for pair in pairs if {pair.source, pair.target} <= set(contents)]
    identities = {each.identity: each.full_identity() for each in configurations}
    tasks = []
    for configuration in configurations:
        for pair in pairs:
            paths = (str(pair.source), str(pair.target))
            content = (contents[pair.source], contents[pair.target])
            how = (__version__, identities[configuration.identity], str(use_masks))
            key = key_of(*how, *paths, *content)
            tasks.append(Task(configuration, pair, key))
    return tasks


def _contents(pairs: Sequence[LabelledPair], skip: Skip | None) -> dict[Path, str]:
    """A digest of each photo that can be read."""
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
    """Do what the state lacks; gives back each task when it is finished or skipped.

    Stop it at any time: what is finished is in the state. A pair whose search fails is skipped;
    without `skip` its error is raised, a MelError with the pair named. Raises MelError without
    weights.
    """
    searcher: tuple[Configuration, Searcher] | None = None
    for task in tasks:
        if task.key not in state.finished:
            if searcher is None or searcher[0] is not task.configuration:
                searcher = None  # let go of the old model before the new one is loaded
                made = Searcher.of(task.configuration, use_masks=use_masks)
                searcher = task.configuration, made
            try:
                finished = searcher[1].ask(task.pair)
            except Exception as error:  # noqa: BLE001 - raised again unless skipped
                _skip(task, error, skip)
            else:
                state.add(task.key, finished)
        yield task


def _skip(task: Task, error: Exception, skip: Skip | None) -> None:
    """Note which photo a pair failed for; without `skip` raise its error."""
    source, target = str(task.pair.source), str(task.pair.target)
    if skip is None:
        if not isinstance(error, MelError):
            raise error
        label = task.configuration.label
        raise type(error)(f"{error} (asked under {label}, {source} -> {target})") from error
    reason = text_of(error)
    named = [photo for photo in (source, target) if photo in reason]
    skip(named[0] if len(named) == 1 else f"{source} -> {target}", error)
