"""A whole run: describe, search, decide and write, one target after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mel_debug.automark.decide import (
    Decision,
    Outcome,
    Rules,
    apart_px,
    decide,
    not_searched,
)
from mel_debug.automark.search import (
    PairAnswer,
    PairTask,
    Setup,
    search_pair,
)
from mel_debug.automark.targets import Plan, Problem, Reference, Target
from mel_debug.files.append_marks import AppendResult, NewMark, append_marks
from mel_debug.jobs.extraction import ExtractionTask, extract_on_workers
from mel_debug.jobs.results import Failed, reason_of
from mel_debug.jobs.stream import Progress, stream
from mel_debug.jobs.workers import Workers


@dataclass(frozen=True, slots=True)
class Job:
    """What to do with a plan. `stem` is that of the moles files that are written."""

    plan: Plan
    setup: Setup
    rules: Rules
    stem: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Marked:
    """What came of a target: a decision for each mole, and the searches that failed."""

    target: Target
    decisions: tuple[Decision, ...]
    problems: tuple[Problem, ...] = ()

    def count(self, outcome: Outcome) -> int:
        return sum(decision.outcome is outcome for decision in self.decisions)


def automark(job: Job, workers: Workers, track: Progress) -> Iterator[Marked]:
    """Mark every target of the plan; gives each back when its marks are written.

    With a cache every photo is described once, whoever searches it then. A photo that is none, and
    a moles file that can't be written, is a problem of the targets concerned and does not stop the
    rest. Stop at any time: what was given back is on the disk, and another run does what is left.
    Raises MelError when the workers are lost, WorkerSetupError when one can't do the work at all.
    """
    pairs = {id(target): list(_pairs(target)) for target in job.plan.targets}
    bad = _extract(job, workers, track, [pair for some in pairs.values() for pair in some])
    asked: dict[PairTask, tuple[Target, Reference]] = {}
    left: dict[int, int] = {}
    problems: dict[int, list[Problem]] = {}
    for target in job.plan.targets:
        photos = [target.photo, *(reference.photo for _, reference in pairs[id(target)])]
        problems[id(target)] = [bad[photo] for photo in photos if photo in bad]
        fine = [(t, r) for t, r in pairs[id(target)] if not {t.photo, r.photo} & set(bad)]
        left[id(target)] = len(fine)
        asked |= {_task(job, *pair): pair for pair in fine}
        if not fine:
            yield _finished(job, target, [], problems[id(target)])
    answers: dict[int, list[tuple[Reference, PairAnswer]]] = {}
    for outcome in track(stream(workers, search_pair, asked), "searching", len(asked)):
        target, reference = asked[outcome.item]
        found = answers.setdefault(id(target), [])
        if isinstance(outcome, Failed):
            problems[id(target)].append(_problem(target, reference, outcome.reason))
        else:
            found.append((reference, outcome.result))
        left[id(target)] -= 1
        if not left[id(target)]:
            yield _finished(job, target, _in_order(target, found), problems[id(target)])
            del answers[id(target)]


def _problem(target: Target, reference: Reference, reason: str) -> Problem:
    """What is wrong with the pair: with the photo that the reason names, else with both."""
    named = [
        photo
        for photo in (target.photo, reference.photo)
        if str(photo) in reason or str(photo.absolute()) in reason
    ]
    if len(named) == 1:
        return Problem(named[0], reason)
    return Problem(target.photo, f"{target.photo}, searched with {reference.photo}: {reason}")


def _pairs(target: Target) -> Iterator[tuple[Target, Reference]]:
    """The target with each reference that has something to look for in it."""
    for reference in target.references:
        if target.config_from(reference):
            yield target, reference


def _task(job: Job, target: Target, reference: Reference) -> PairTask:
    moles = tuple(target.config_from(reference).items())
    return PairTask(job.setup, reference.photo.absolute(), target.photo.absolute(), moles)


def _extract(
    job: Job, workers: Workers, progress: Progress, pairs: Sequence[tuple[Target, Reference]]
) -> dict[Path, Problem]:
    """Extract all photos that will be searched into the cache; returns those that failed.

    Without a cache nothing could be shared: each process then extracts the photos of its own pairs.
    """
    setup = job.setup
    if setup.identity is None:
        return {}
    photos = {str(photo): photo for t, r in pairs for photo in (t.photo, r.photo)}
    tasks = [
        ExtractionTask(setup.config, photo.absolute(), name, setup.use_masks, setup.identity)
        for name, photo in photos.items()
    ]
    failed = extract_on_workers(workers, tasks, progress).failed if tasks else ()
    return {photos[each.name]: Problem(photos[each.name], each.reason) for each in failed}


def _in_order(
    target: Target, answers: list[tuple[Reference, PairAnswer]]
) -> list[tuple[Reference, PairAnswer]]:
    """By the target's references: answers come in no order."""
    place = {reference.photo: number for number, reference in enumerate(target.references)}
    return sorted(answers, key=lambda answer: place[answer[0].photo])


def _finished(
    job: Job,
    target: Target,
    answers: Sequence[tuple[Reference, PairAnswer]],
    problems: Sequence[Problem],
) -> Marked:
    """Decide, and write what was decided; whatever goes wrong is a problem of this target."""
    told = {str(problem): problem for problem in problems}
    try:
        decisions = decide(target, answers, job.rules, _failures(target, answers, problems))
    except Exception as error:  # noqa: BLE001 - one bad target must not stop the rest
        problem = Problem(target.photo, reason_of(error))
        return Marked(target, tuple(not_searched(target, str(problem))), (*told.values(), problem))
    new = [
        NewMark(each.uuid, each.point, each.confidence)
        for each in decisions
        if each.outcome is Outcome.ADDED and each.point is not None and each.confidence is not None
    ]
    if new and not job.dry_run:
        try:
            added = append_marks(target.photo, new, job.stem, apart_px=apart_px(answers))
            decisions = _as_written(decisions, added)
        except Exception as error:  # noqa: BLE001 - one bad target must not stop the rest
            problem = Problem(target.photo, reason_of(error))
            told[str(problem)] = problem
            decisions = [_unwritten(each) for each in decisions]
    return Marked(target, tuple(decisions), tuple(told.values()))


def _failures(
    target: Target,
    answers: Sequence[tuple[Reference, PairAnswer]],
    problems: Sequence[Problem],
) -> dict[Path, str]:
    """Why each reference without an answer has none."""
    answered = {reference.photo for reference, _ in answers}
    by_photo = {problem.photo: str(problem) for problem in reversed(problems)}
    general = by_photo.get(target.photo)
    found = {
        reference.photo: by_photo.get(reference.photo, general)
        for reference in target.references
        if reference.photo not in answered
    }
    return {photo: reason for photo, reason in found.items() if reason is not None}


def _as_written(decisions: Sequence[Decision], added: AppendResult) -> list[Decision]:
    """The decisions as the file allowed them: it may have changed since it was read."""
    there = {mark.uuid for mark in added.there_already}
    taken = {mark.uuid for mark in added.taken}

    def settled(decision: Decision) -> Decision:
        if decision.outcome is not Outcome.ADDED:
            return decision
        if decision.uuid in there:
            return replace(decision, outcome=Outcome.THERE, reason="marked by someone meanwhile")
        if decision.uuid in taken:
            reason = "its place was marked as another mole meanwhile"
            return replace(decision, outcome=Outcome.UNCERTAIN, reason=reason)
        return decision

    return [settled(decision) for decision in decisions]


def _unwritten(decision: Decision) -> Decision:
    if decision.outcome is not Outcome.ADDED:
        return decision
    return replace(decision, outcome=Outcome.UNCERTAIN, reason="its mark could not be written")
