"""The searches of `evaluate` and `calibrate` on labelled photos, with a state to resume from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.options import Command, with_options
from mel_debug.console.progress import show_progress
from mel_debug.console.terminal import echo_line

if TYPE_CHECKING:
    from mel_debug.evaluation.configurations import Configuration
    from mel_debug.evaluation.labelled import Skip
    from mel_debug.evaluation.searches import Task
    from mel_debug.evaluation.state import State
    from mel_debug.files.outputs import OutputGuard

strict_option = click.option(
    "--strict",
    is_flag=True,
    help="Stop at the first photo that can't be used. By default such photos are listed, the rest "
    "are searched, and the exit code is 1.",
)

_STATE = (
    click.option(
        "--restart",
        is_flag=True,
        help="Repeat finished searches instead of resuming the last run.",
    ),
    click.option(
        "--state",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File that stores finished searches, so that a run can be resumed.  "
        "[default: a file in your state folder]",
    ),
)


def state_options(command: Command) -> Command:
    """Add the options for the file of finished searches and for starting over."""
    return with_options(_STATE, command)


def given_weights(stages: dict[str, Any]) -> tuple[Path, ...]:
    """Return the checkpoint given as `weights`, if any."""
    return (stages["weights"],) if stages["weights"] else ()


def check_state_file(guard: "OutputGuard", state: Path) -> None:
    """Raise UsageError unless the file is a state file, empty or new; `force` does not matter."""
    from mel_debug.evaluation.state import check_state, is_state

    check_state(state)
    guard.check(state, is_state)


def evaluated(
    roots: Sequence[Path],
    configurations: "Sequence[Configuration]",
    state: Path | None,
    *,
    restart: bool,
    use_masks: bool,
    strict: bool,
    workers: tuple[int, str | None] = (1, None),
) -> "tuple[list[Task], State, SkippedPhotos]":
    """Run all searches; returns the finished tasks, the state that holds them, and skipped photos.

    Searches that the state already holds are not repeated, except with `restart`. Ctrl-C keeps
    finished searches. Raises MelError if no search could be made, or, if `strict`, for the first
    photo that can't be used.
    """
    from mel_debug.core.errors import MelError
    from mel_debug.evaluation.labelled import labelled_pairs
    from mel_debug.evaluation.searches import plan_tasks
    from mel_debug.evaluation.state import State

    skipped = SkippedPhotos()
    skip = None if strict else skipped.add
    try:
        pairs = labelled_pairs(roots, skip)
        tasks = plan_tasks(configurations, pairs, use_masks=use_masks, skip=skip)
    except MelError:  # the skipped photos may be the reason
        skipped.show()
        raise
    stored = State.begin(state or default_state(roots))
    if restart:
        stored.forget([task.key for task in tasks])
    todo = [task for task in tasks if task.key not in stored.finished]
    if len(todo) < len(tasks):
        done = len(tasks) - len(todo)
        echo_line(
            f"{done} of {len(tasks)} searches are already finished; --restart repeats them",
            err=True,
        )
    try:
        search_all(todo, stored, workers, use_masks=use_masks, skip=skip)
    except KeyboardInterrupt:
        done = sum(task.key in stored.finished for task in tasks)
        raise MelError(
            f"stopped; {done} of {len(tasks)} searches are stored, run the same command to resume"
        ) from None
    finished = [task for task in tasks if task.key in stored.finished]
    for note in dict.fromkeys(note for t in finished for note in stored.finished[t.key].notes):
        echo_line(f"note: {note}", err=True)
    skipped.show()
    if not finished:
        raise MelError("no search could be made")
    return finished, stored, skipped


def _moles_of(task: "Task") -> int:
    return len(task.pair.moles)


def search_all(
    todo: "Sequence[Task]",
    stored: "State",
    workers: tuple[int, str | None],
    *,
    use_masks: bool,
    skip: "Skip | None",
) -> None:
    """Run searches with a progress bar; `workers` are the number of jobs and the scheduler."""
    from mel_debug.evaluation.on_workers import run_on
    from mel_debug.evaluation.searches import run
    from mel_debug.jobs.executors import open_executor

    if not todo:
        return
    if workers == (1, None):
        steps = run(todo, stored, use_masks=use_masks, skip=skip)
        moles = sum(_moles_of(task) for task in todo)
        for _ in show_progress(todo, "searching", moles, "moles", _moles_of):
            next(steps)
        return
    with open_executor(*workers) as executor:
        steps = run_on(executor, todo, stored, use_masks=use_masks, skip=skip)
        for _ in show_progress(steps, "searching", len(todo), "pairs"):
            pass


@dataclass(slots=True)
class SkippedPhotos:
    """The reasons why photos, or pairs of photos, could not be used, by name."""

    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, error: Exception) -> None:
        from mel_debug.core.errors import text_of

        self.reasons.setdefault(name, text_of(error))

    def show(self) -> None:
        """Print one line for each on standard error."""
        for name, reason in self.reasons.items():
            echo_line(f"skipped: {reason if name in reason else f'{name}: {reason}'}", err=True)

    def finish(self) -> None:
        """Raise MelError if any were skipped, because the measures do not cover them."""
        from mel_debug.core.errors import MelError

        if self.reasons:
            count = len(self.reasons)
            raise MelError(
                f"{count} {'photo' if count == 1 else 'photos'} could not be used; "
                "the measures cover only the rest"
            )


def default_state(roots: Sequence[Path]) -> Path:
    """Return the state file of a set of folders, in the user's state folder."""
    from mel_debug.evaluation.state import key_of
    from mel_debug.files.user_dirs import state_folder

    name = key_of(*sorted(str(root.resolve()) for root in roots))
    return state_folder() / "evaluate" / f"{name}.jsonl"
