"""`mel-debug evaluate`: accuracy, confidence and speed of configurations on labelled photos."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.options import (
    csv_option,
    force_option,
    json_option,
    min_confidence_option,
    no_mask_option,
    worker_options,
)
from mel_debug.cli.several import labelled_folder, several_options, state_options
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

new_folder = click.Path(file_okay=False, path_type=Path)


@click.command("evaluate")
@click.argument("roots", metavar="ROOT...", type=labelled_folder, nargs=-1, required=True)
@several_options
@no_mask_option
@min_confidence_option
@json_option
@csv_option
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a table in Markdown.")
@click.option(
    "--plots", type=new_folder, metavar="DIR", help="Write plots and an HTML page to DIR."
)
@click.option(
    "--gallery",
    type=new_folder,
    metavar="DIR",
    help="Write pictures of the worst matches to DIR, each with the true position.",
)
@click.option(
    "--html",
    type=new_folder,
    metavar="DIR",
    help="Write a page to DIR with example queries: the answers of all configurations side by "
    "side.",
)
@click.option(
    "--worst",
    type=click.IntRange(min=1),
    default=12,
    show_default=True,
    metavar="N",
    help="Matches per configuration in the gallery, and examples on the page of --html.",
)
@click.option(
    "--changes",
    "with_changes",
    is_flag=True,
    help="Also measure how often `mel-debug changes` tells moles that are new or gone, by size and "
    "contrast, and how many spots it calls new that are not.",
)
@click.option(
    "--fail-under",
    multiple=True,
    metavar="NAME=NUMBER",
    help="Exit with code 1 if a measure is worse than NUMBER, as in pck@0.01=0.8. Use it to fail a "
    "build. Repeatable.",
)
@state_options
@worker_options
@force_option
@strict_option
def command(
    roots: tuple[Path, ...],
    *,
    as_json: bool,
    as_csv: bool,
    as_markdown: bool,
    with_changes: bool,
    fail_under: tuple[str, ...],
    plots: Path | None,
    gallery: Path | None,
    html: Path | None,
    worst: int,
    restart: bool,
    state: Path | None,
    jobs: int,
    scheduler: str | None,
    force: bool,
    strict: bool,
    no_mask: bool,
    min_confidence: float,
    **stages: Any,
) -> None:
    """Measure accuracy, confidence and speed on labelled photos.

    Searches every ordered pair of photos under the ROOTs that mark the same moles, and for moles
    known to be absent (PHOTO.absent.json), with every combination of the given extractors,
    matchers, presets, image sizes and options. With several configurations, a table ranks them and
    marks those that can't be distinguished from the best. With several ROOTs, the measures of the
    targets under each are also given by themselves. To try it, generate photos with `mel-debug
    synth`.

    Finished searches are stored, so the same command resumes a run that was stopped. A search is
    repeated only if its photos, marks, masks, options or weights have changed.
    """
    from mel_debug.cli.several import configurations_from
    from mel_debug.confidence.calibrations import user_calibrations
    from mel_debug.core.errors import UsageError
    from mel_debug.evaluation.quality_gate import Requirement, violations
    from mel_debug.evaluation.report import report_of, summaries_by_root
    from mel_debug.evaluation.summary import results_of, summary_of
    from mel_debug.files.outputs import OutputGuard
    from mel_debug.jobs.executors import check_workers

    if as_json + as_csv + as_markdown > 1:
        raise UsageError("--json, --csv and --markdown exclude each other; use one of them")
    if with_changes and (as_json or as_csv or as_markdown):
        raise UsageError("--changes prints a table; leave out --json, --csv and --markdown")
    guard = OutputGuard((*roots, *given_weights(stages)), force)
    check_outputs(guard, plots, gallery, state, html)
    check_workers(jobs, scheduler)
    requirements = [Requirement.parse(text) for text in fail_under]
    user_calibrations()  # fail on a damaged file before searching
    configurations = configurations_from(**stages)
    use_masks = not no_mask
    tasks, stored, skipped = evaluated(
        roots,
        configurations,
        state,
        restart=restart,
        use_masks=use_masks,
        strict=strict,
        workers=(jobs, scheduler),
    )
    results = results_of(tasks, stored, min_confidence)
    summaries = [summary_of(result) for result in results]
    by_root = summaries_by_root(roots, tasks, stored, min_confidence)
    kind = {"json": as_json, "csv": as_csv, "markdown": as_markdown}
    click.echo(report_of(results, summaries, by_root, **kind))
    if with_changes:
        from mel_debug.cli.changes import print_scores

        print_scores(roots, configurations, use_masks=use_masks)
    if plots is not None:
        from mel_debug.evaluation.plots import write_plots

        page = write_plots(plots, results, summaries, guard=guard)
        echo_line(f"Plots: open {page}", err=True)
    if gallery is not None:
        from mel_debug.evaluation.gallery import write_gallery

        page = write_gallery(gallery, results, tasks, worst, show_progress, guard=guard)
        echo_line(f"Worst matches: open {page}", err=True)
    if html is not None:
        from mel_debug.evaluation.side_by_side import write_side_by_side

        page = write_side_by_side(html, results, tasks, worst, show_progress, guard=guard)
        echo_line(f"Side by side: open {page}", err=True)
    if unmet := violations(requirements, summaries):
        echo_line(f"Error: {'; '.join(unmet)}", err=True)
        raise SystemExit(1)
    skipped.finish()


def given_weights(stages: dict[str, Any]) -> tuple[Path, ...]:
    """Return the checkpoint given as `weights`, if any."""
    return (stages["weights"],) if stages["weights"] else ()


def check_outputs(
    guard: "OutputGuard",
    plots: Path | None,
    gallery: Path | None,
    state: Path | None,
    html: Path | None = None,
) -> None:
    """Raise UsageError or MelError for outputs that could not be written after the search."""
    from mel_debug.files.outputs import PAGE, check_apart

    check_apart({"plots": plots, "gallery": gallery, "html": html})
    for name, folder in (("plots", plots), ("gallery", gallery), ("html", html)):
        check_apart({"state": state, name: None if folder is None else folder / PAGE})
    if plots is not None:
        from mel_debug.evaluation.plots import PICTURE_NAMES, check_matplotlib

        guard.check_folder(plots, PICTURE_NAMES)
        check_matplotlib()
    if gallery is not None:
        from mel_debug.evaluation.gallery import PICTURE_NAMES

        guard.check_folder(gallery, PICTURE_NAMES)
    if html is not None:
        from mel_debug.evaluation.side_by_side import PICTURE_NAMES

        guard.check_folder(html, PICTURE_NAMES)
    if state is not None:
        check_state_file(guard, state)


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
