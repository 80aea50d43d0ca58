"""`mel-debug evaluate`: labelled photos in, measures of every configuration out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.options import (
    force_option,
    json_option,
    min_confidence_option,
    no_mask_option,
)
from mel_debug.cli.several import labelled_folder, several_options, state_options
from mel_debug.console.terminal import echo_line, show_progress

if TYPE_CHECKING:
    from mel_debug.evaluation.configurations import Configuration
    from mel_debug.evaluation.searches import Task
    from mel_debug.evaluation.state import State
    from mel_debug.evaluation.summary import Result, Summary
    from mel_debug.files.outputs import OutputGuard

strict_option = click.option(
    "--strict",
    is_flag=True,
    help="End at the first photo that can't be used. Without it such photos are named, the others "
    "are measured, and the exit code is 1.",
)

new_folder = click.Path(file_okay=False, path_type=Path)


@click.command("evaluate")
@click.argument("roots", metavar="ROOT...", type=labelled_folder, nargs=-1, required=True)
@several_options
@no_mask_option
@min_confidence_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a table in Markdown.")
@click.option("--plots", type=new_folder, metavar="DIR", help="Write plots and a page to DIR.")
@click.option(
    "--gallery",
    type=new_folder,
    metavar="DIR",
    help="Write the worst matches as pictures to DIR, with the true place beside.",
)
@click.option(
    "--worst",
    type=click.IntRange(min=1),
    default=12,
    show_default=True,
    metavar="N",
    help="How many of them for each configuration.",
)
@click.option(
    "--fail-under",
    multiple=True,
    metavar="NAME=NUMBER",
    help="Exit with code 1 if a measure is worse, as in pck@0.01=0.8. Repeatable.",
)
@state_options
@force_option
@strict_option
def command(
    roots: tuple[Path, ...],
    *,
    as_json: bool,
    as_csv: bool,
    as_markdown: bool,
    fail_under: tuple[str, ...],
    plots: Path | None,
    gallery: Path | None,
    worst: int,
    restart: bool,
    state: Path | None,
    force: bool,
    strict: bool,
    no_mask: bool,
    min_confidence: float,
    **stages: Any,
) -> None:
    """Measure how often, how exactly and how fast marked moles are found.

    Takes every directed pair of photos under the ROOTs that mark the same moles, and moles known to
    be absent (PHOTO.absent.json), under every combination of the extractors, similarities, presets
    and image sizes given. Try it on photos that `mel-debug synth` made.

    What is finished is kept, and the same command goes on where it stopped. A search is not done
    again while its photos, marks, masks, options and weights stay the same.
    """
    from mel_debug.cli.several import configurations_from
    from mel_debug.confidence.calibrations import own
    from mel_debug.core.errors import UsageError
    from mel_debug.evaluation.quality_gate import Requirement, complaints
    from mel_debug.evaluation.summary import results_of, summary_of
    from mel_debug.files.outputs import OutputGuard

    if as_json + as_csv + as_markdown > 1:
        raise UsageError("--json, --csv and --markdown exclude each other; give one of them")
    guard = OutputGuard((*roots, *given_weights(stages)), force)
    check_outputs(guard, plots, gallery, state)
    demands = [Requirement.parse(text) for text in fail_under]
    own()  # a damaged file is told of now
    configurations = configurations_from(**stages)
    use_masks = not no_mask
    tasks, kept, skipped = evaluated(
        roots, configurations, state, restart=restart, use_masks=use_masks, strict=strict
    )
    results = results_of(tasks, kept, min_confidence)
    summaries = [summary_of(result) for result in results]
    click.echo(report_of(results, summaries, json=as_json, csv=as_csv, markdown=as_markdown))
    if plots is not None:
        from mel_debug.evaluation.plots import write_plots

        page = write_plots(plots, results, summaries, guard=guard)
        echo_line(f"Plots: open {page}", err=True)
    if gallery is not None:
        from mel_debug.evaluation.gallery import write_gallery

        drawn = partial(write_gallery, threshold=min_confidence, use_masks=use_masks, guard=guard)
        page = drawn(gallery, results, tasks, worst, show_progress)
        echo_line(f"Worst matches: open {page}", err=True)
    if unmet := complaints(demands, summaries):
        echo_line(f"Error: {'; '.join(unmet)}", err=True)
        raise SystemExit(1)
    skipped.finish()


def given_weights(stages: dict[str, Any]) -> tuple[Path, ...]:
    """The checkpoint that was named, if any."""
    return (stages["weights"],) if stages["weights"] else ()


def check_outputs(
    guard: "OutputGuard", plots: Path | None, gallery: Path | None, state: Path | None
) -> None:
    """Raise UsageError or MelError for what could not be written when all is searched."""
    from mel_debug.files.outputs import PAGE, check_apart

    check_apart({"plots": plots, "gallery": gallery})
    for name, folder in (("plots", plots), ("gallery", gallery)):
        check_apart({"state": state, name: None if folder is None else folder / PAGE})
    if plots is not None:
        from mel_debug.evaluation.plots import PICTURE_NAMES, check_matplotlib

        guard.check_folder(plots, PICTURE_NAMES)
        check_matplotlib()
    if gallery is not None:
        from mel_debug.evaluation.gallery import PICTURE_NAMES

        guard.check_folder(gallery, PICTURE_NAMES)
    if state is not None:
        check_state_file(guard, state)


def check_state_file(guard: "OutputGuard", state: Path) -> None:
    """Raise UsageError unless a state can be kept in this file; no option replaces others."""
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
) -> "tuple[list[Task], State, SkippedPhotos]":
    """Every task that is done, what they gave, and what had to be skipped.

    What the state has is not searched again, unless with `restart`. A Ctrl-C keeps what is
    finished. Raises MelError when nothing could be done, or, if `strict`, for the first photo that
    can't be used.
    """
    from mel_debug.core.errors import MelError
    from mel_debug.evaluation.labelled import labelled_pairs
    from mel_debug.evaluation.searches import plan_tasks, run
    from mel_debug.evaluation.state import State

    skipped = SkippedPhotos()
    skip = None if strict else skipped.add
    try:
        pairs = labelled_pairs(roots, skip)
        tasks = plan_tasks(configurations, pairs, use_masks=use_masks, skip=skip)
    except MelError:  # what was skipped may be why
        skipped.show()
        raise
    kept = State.begin(state or default_state(roots))
    if restart:
        kept.forget([task.key for task in tasks])
    todo = [task for task in tasks if task.key not in kept.finished]
    if len(todo) < len(tasks):
        done = len(tasks) - len(todo)
        echo_line(
            f"{done} of {len(tasks)} searches are finished already; --restart does them again",
            err=True,
        )
    steps = run(todo, kept, use_masks=use_masks, skip=skip)
    try:
        for _ in show_progress(todo, "searches") if todo else ():
            next(steps)
    except KeyboardInterrupt:
        done = sum(task.key in kept.finished for task in tasks)
        raise MelError(
            f"stopped; {done} of {len(tasks)} searches are kept, run the same command to go on"
        ) from None
    finished = [task for task in tasks if task.key in kept.finished]
    for note in dict.fromkeys(note for t in finished for note in kept.finished[t.key].notes):
        echo_line(f"note: {note}", err=True)
    skipped.show()
    if not finished:
        raise MelError("no search could be made")
    return finished, kept, skipped


@dataclass(slots=True)
class SkippedPhotos:
    """Photos, or pairs of them, that could not be used, by name, and why."""

    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, error: Exception) -> None:
        from mel_debug.core.errors import text_of

        self.reasons.setdefault(name, text_of(error))

    def show(self) -> None:
        """Name them on standard error."""
        for name, reason in self.reasons.items():
            echo_line(f"skipped: {reason if name in reason else f'{name}: {reason}'}", err=True)

    def finish(self) -> None:
        """Raise MelError if there were any: the measures are of the others alone."""
        from mel_debug.core.errors import MelError

        if self.reasons:
            count = len(self.reasons)
            raise MelError(
                f"{count} {'photo' if count == 1 else 'photos'} could not be used; "
                "the measures are of the others"
            )


def default_state(roots: Sequence[Path]) -> Path:
    """One file for each set of folders."""
    from mel_debug.evaluation.state import key_of
    from mel_debug.files.user_dirs import state_folder

    name = key_of(*sorted(str(root.resolve()) for root in roots))
    return state_folder() / "evaluate" / f"{name}.jsonl"


def report_of(
    results: "list[Result]",
    summaries: "list[Summary]",
    *,
    json: bool,
    csv: bool,
    markdown: bool,
) -> str:
    """What goes to standard output."""
    from mel_debug.evaluation.tables import csv_table, markdown_table, text_table

    if json:
        return json_text(results, summaries)
    if csv:
        return csv_table(summaries)
    return markdown_table(summaries) if markdown else text_table(summaries)


def json_text(results: "list[Result]", summaries: "list[Summary]") -> str:
    """Every configuration's measures; every query's row, with its configuration's number."""
    rows = [
        {"configuration": number, **answer.as_row()}
        for number, result in enumerate(results)
        for answer in result.answers
    ]
    configurations = [summary.as_json() for summary in summaries]
    return json.dumps({"configurations": configurations, "queries": rows})
