"""A whole run: extracting features, searching, deciding, and writing marks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mel_debug.automark.decide import decide, not_searched, same_place_px
from mel_debug.automark.decision import Decision, Outcome, Rules
from mel_debug.automark.same_mole import SameMole, same_moles
from mel_debug.automark.search import (
    PairResult,
    PairTask,
    Setup,
    search_pair,
)
from mel_debug.automark.targets import Plan, Problem, Reference, Target
from mel_debug.files.append_marks import AppendResult, NewMark, check_appendable
from mel_debug.jobs.extraction import ExtractionTask, extract_on_workers
from mel_debug.jobs.results import Done, Failed, reason_of
from mel_debug.jobs.stream import Progress, stream
from mel_debug.jobs.workers import Workers
from mel_debug.marking.changing import append_found
from mel_debug.marking.runs import Run


@dataclass(frozen=True, slots=True)
class Job:
    """A plan with the settings of the run; `stem` is that of the moles files to write.

    What is written is logged in `log`, so that it can be undone.
    """

    plan: Plan
    setup: Setup
    rules: Rules
    stem: str | None = None
    dry_run: bool = False
    log: Run = field(default_factory=lambda: Run("automark3"))


@dataclass(frozen=True, slots=True)
class TargetResult:
    """The result of a target: a decision for each mole, and the problems on the way.

    `same_moles` are the pairs of uuids that look like one mole, in a reference or in the target.
    """

    target: Target
    decisions: tuple[Decision, ...]
    problems: tuple[Problem, ...] = ()
    same_moles: tuple[SameMole, ...] = ()

    def count(self, outcome: Outcome) -> int:
        """The number of moles with an outcome."""
        return sum(decision.outcome is outcome for decision in self.decisions)


def automark(job: Job, workers: Workers, progress: Progress) -> Iterator[TargetResult]:
    """Mark every target of the plan; yields each one when its marks are on the disk.

    With a cache the features of every photo are extracted once, before all searches. A photo that
    cannot be used, and a moles file that cannot be written, are problems of the targets concerned
    and do not stop the others. The iteration can be stopped at any time: a later run searches only
    what is still missing. Raises MelError if all workers are lost, WorkerSetupError if a worker
    cannot do any task.
    """
    searches = [_Search.of(job, target) for target in job.plan.targets]
    failed = _extract(job, workers, progress, searches)
    for search in searches:
        search.exclude(failed)
        if search.is_complete:
            yield _finished(job, search)
    waiting: dict[PairTask, tuple[_Search, Reference]] = {}
    moles = sum(len(search.target.moles_to_find(each)) for search, each in _pairs(searches))
    outcomes = stream(workers, search_pair, _tasks(job, searches, waiting))
    for outcome in progress(outcomes, "searching", moles, "moles", _moles_of):
        search, reference = waiting.pop(outcome.item)
        search.record(reference, outcome)
        if search.is_complete:
            yield _finished(job, search)
            search.results.clear()  # a session may have thousands of pairs


@dataclass(slots=True)
class _Search:
    """The search of one target: the references to search with, and the results so far."""

    target: Target
    references: list[Reference]
    problems: list[Problem] = field(default_factory=list)
    results: list[tuple[Reference, PairResult]] = field(default_factory=list)
    done: int = 0

    @classmethod
    def of(cls, job: Job, target: Target) -> "_Search":
        """Without references if there is nothing to find, or if no mark could be written."""
        search = cls(target, [each for each in target.references if target.moles_to_find(each)])
        if search.references and not job.dry_run:
            try:
                check_appendable(target.photo, job.stem)
            except Exception as error:  # noqa: BLE001 - one bad target must not stop the others
                search.references = []
                search.problems.append(Problem(target.photo, reason_of(error)))
        return search

    @property
    def is_complete(self) -> bool:
        return self.done == len(self.references)

    def exclude(self, failed: Mapping[Path, Problem]) -> None:
        """Do not search with photos that could not be used."""
        photos = dict.fromkeys([self.target.photo, *(each.photo for each in self.references)])
        if self.references:
            self.problems += [failed[photo] for photo in photos if photo in failed]
        if self.target.photo in failed:
            self.references = []
        self.references = [each for each in self.references if each.photo not in failed]

    def record(
        self, reference: Reference, outcome: Done[PairTask, PairResult] | Failed[PairTask]
    ) -> None:
        """Add the result of the search with one reference."""
        self.done += 1
        if isinstance(outcome, Failed):
            self.problems.append(_problem(self.target, reference, outcome.reason))
            return
        self.results.append((reference, outcome.result))
        order = {each.photo: number for number, each in enumerate(self.target.references)}
        self.results.sort(key=lambda answer: order[answer[0].photo])


def _problem(target: Target, reference: Reference, reason: str) -> Problem:
    """The problem of a pair: one of the photo that the reason names, else of the target."""
    named = [
        photo
        for photo in (target.photo, reference.photo)
        if str(photo) in reason or str(photo.absolute()) in reason
    ]
    if len(named) == 1:
        return Problem(named[0], reason)
    return Problem(target.photo, f"{target.photo}, searched with {reference.photo}: {reason}")


def _pairs(searches: Sequence[_Search]) -> Iterator[tuple[_Search, Reference]]:
    """All pairs to search, target by target, the references forwards and backwards in turn.

    So each target begins with the references that the one before it ended with, whose photos are
    still in memory.
    """
    for number, search in enumerate(searches):
        for reference in search.references[:: -1 if number % 2 else 1]:
            yield search, reference


def _tasks(
    job: Job, searches: Sequence[_Search], waiting: dict[PairTask, tuple[_Search, Reference]]
) -> Iterator[PairTask]:
    """The tasks of all pairs, made as workers become free; `waiting` gets those handed out."""
    for search, reference in _pairs(searches):
        target = search.target
        moles = tuple(target.moles_to_find(reference).items())
        task = PairTask(job.setup, reference.photo.absolute(), target.photo.absolute(), moles)
        waiting[task] = search, reference
        yield task


def _moles_of(outcome: Done[PairTask, PairResult] | Failed[PairTask]) -> int:
    return len(outcome.item.moles)


def _extract(
    job: Job, workers: Workers, progress: Progress, searches: Sequence[_Search]
) -> dict[Path, Problem]:
    """Extract all photos that will be searched into the cache; returns those that failed.

    Without a cache nothing could be shared: each process then extracts the photos of its own pairs.
    """
    setup = job.setup
    if setup.identity is None:
        return {}
    photos = {
        str(each.photo): each.photo
        for search in searches
        for reference in search.references
        for each in (search.target, reference)
    }
    tasks = [
        ExtractionTask(setup.config, photo.absolute(), name, setup.use_masks, setup.identity)
        for name, photo in photos.items()
    ]
    failed = extract_on_workers(workers, tasks, progress).failed if tasks else ()
    return {photos[each.name]: Problem(photos[each.name], each.reason) for each in failed}


def _finished(job: Job, search: _Search) -> TargetResult:
    """Decide, and write the new marks; any error is a problem of this target."""
    target, results, problems = search.target, search.results, search.problems
    by_text = {str(problem): problem for problem in problems}
    try:
        decisions = decide(target, results, job.rules, _failures(target, results, problems))
        alike = same_moles(target, results, decisions, job.rules.min_confidence)
    except Exception as error:  # noqa: BLE001 - one bad target must not stop the others
        problem = Problem(target.photo, reason_of(error))
        return TargetResult(
            target, tuple(not_searched(target, str(problem))), (*by_text.values(), problem)
        )
    new = [
        NewMark(each.uuid, each.point, each.confidence)
        for each in decisions
        if each.outcome is Outcome.ADDED and each.point is not None and each.confidence is not None
    ]
    if new and not job.dry_run:
        try:
            apart = same_place_px(results)
            added = append_found(job.log, target.photo, new, job.stem, apart_px=apart)
            decisions = _as_written(decisions, added)
        except Exception as error:  # noqa: BLE001 - one bad target must not stop the others
            problem = Problem(target.photo, reason_of(error))
            by_text[str(problem)] = problem
            decisions = [_unwritten(each) for each in decisions]
    return TargetResult(target, tuple(decisions), tuple(by_text.values()), alike)


def _failures(
    target: Target,
    results: Sequence[tuple[Reference, PairResult]],
    problems: Sequence[Problem],
) -> dict[Path, str]:
    """The reason why each reference without a result has none."""
    with_result = {reference.photo for reference, _ in results}
    by_photo = {problem.photo: str(problem) for problem in reversed(problems)}
    general = by_photo.get(target.photo)
    found = {
        reference.photo: by_photo.get(reference.photo, general)
        for reference in target.references
        if reference.photo not in with_result
    }
    return {photo: reason for photo, reason in found.items() if reason is not None}


def _as_written(decisions: Sequence[Decision], added: AppendResult) -> list[Decision]:
    """The decisions after writing: the file may have gained marks since it was read."""
    already_marked = {mark.uuid for mark in added.there_already}
    taken = {mark.uuid for mark in added.taken}

    def updated(decision: Decision) -> Decision:
        if decision.outcome is not Outcome.ADDED:
            return decision
        if decision.uuid in already_marked:
            return replace(
                decision,
                outcome=Outcome.ALREADY_MARKED,
                reason="marked by another program meanwhile",
            )
        if decision.uuid in taken:
            reason = "its place was marked as another mole meanwhile"
            return replace(decision, outcome=Outcome.UNCERTAIN, reason=reason)
        return decision

    return [updated(decision) for decision in decisions]


def _unwritten(decision: Decision) -> Decision:
    if decision.outcome is not Outcome.ADDED:
        return decision
    return replace(decision, outcome=Outcome.UNCERTAIN, reason="its mark could not be written")
