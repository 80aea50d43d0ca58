"""Laws of a whole run: which pairs are searched, in which order, and what is remembered."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pytest

from mel_debug.automark import runner
from mel_debug.automark.decision import Outcome, Rules
from mel_debug.automark.joint import Frame
from mel_debug.automark.runner import Job, automark
from mel_debug.automark.search import PairResult, PairTask, Setup
from mel_debug.automark.targets import Plan, Reference, Target
from mel_debug.confidence.judge import judge_for
from mel_debug.core.geometry import Point, Size
from mel_debug.jobs.workers import InProcess
from mel_debug.plugins.config import RunConfig

T = TypeVar("T")

FRAME = Frame(Size(100, 100), Size(100, 100))


def job(references: int, targets: int) -> Job:
    """Every target has all references; reference n marks n + 1 moles. No photo exists."""
    marked = tuple(
        Reference(
            Path(f"reference{number}"),
            {f"{number}-{i}": Point(i, i) for i in range(number + 1)},
            frozenset(f"{number}-{i}" for i in range(number + 1)),
        )
        for number in range(references)
    )
    plan = Plan(tuple(Target(Path(f"target{number}"), (), marked) for number in range(targets)))
    setup = Setup(RunConfig(extractor="xfeat"), judge_for("none/none"))
    return Job(plan, setup, Rules(), dry_run=True)


class Shown:
    """A progress that notes what it is asked to show."""

    def __init__(self) -> None:
        self.done = 0
        self.asked: tuple[str, int, str] | None = None

    def __call__(
        self,
        items: Iterable[T],
        label: str,
        length: int,
        unit: str,
        weigh: Callable[[T], int] | None = None,
        /,
    ) -> Iterable[T]:
        self.asked = label, length, unit
        for item in items:
            yield item
            self.done += 1 if weigh is None else weigh(item)


def test_each_pair_is_searched_once_and_shares_a_photo_with_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So a process has at least one of the photos in memory already."""
    searched: list[PairTask] = []

    def search(task: PairTask) -> PairResult:
        searched.append(task)
        return PairResult(FRAME, ())

    monkeypatch.setattr(runner, "search_pair", search)
    shown = Shown()
    results = list(automark(job(3, 4), InProcess(), shown))
    assert len({(task.reference, task.target) for task in searched}) == len(searched) == 12
    for one, other in pairwise(searched):
        assert one.reference == other.reference or one.target == other.target
    assert [result.target.photo.name for result in results] == [f"target{n}" for n in range(4)]
    assert shown.asked == ("searching", shown.done, "moles")
    assert shown.done == 4 * (1 + 2 + 3)


def test_a_pair_that_fails_counts_as_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its moles are not searched; those of the others are decided."""

    def fail(task: PairTask) -> PairResult:
        raise ValueError(f"{task.reference.name} is bad")

    monkeypatch.setattr(runner, "search_pair", fail)
    shown = Shown()
    (result,) = automark(job(2, 1), InProcess(), shown)
    assert shown.done == 3
    assert {decision.outcome for decision in result.decisions} == {Outcome.NOT_SEARCHED}


def test_results_of_finished_targets_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pairs a session has, only those of targets under way are in memory."""
    made: list[runner._Search] = []
    create = runner._Search.of

    def noted(job: Job, target: Target) -> runner._Search:
        made.append(create(job, target))
        return made[-1]

    monkeypatch.setattr(runner._Search, "of", noted)
    monkeypatch.setattr(runner, "search_pair", lambda _: PairResult(FRAME, ()))
    for number, _ in enumerate(automark(job(3, 4), InProcess(), Shown())):
        assert sum(len(search.results) for search in made[:number]) == 0
