"""`mel-debug automark3`: mark the moles of earlier sessions in new ones."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from mel_debug.cli.lists import ListCommand
from mel_debug.cli.options import (
    check_one_format,
    csv_option,
    force_option,
    json_option,
    no_mask_option,
    photos_option,
    worker_options,
)
from mel_debug.cli.stage_options import (
    config_from,
    extractor_options,
    matcher_options,
)
from mel_debug.cli.undo import say_number
from mel_debug.console.numbers import FiniteRange
from mel_debug.console.progress import show_progress
from mel_debug.console.terminal import echo_line

if TYPE_CHECKING:
    from mel_debug.automark.report import Report
    from mel_debug.automark.runner import Job, TargetResult
    from mel_debug.automark.targets import Problem
    from mel_debug.jobs.workers import Workers

Format = Literal["json", "csv", "text"]


@click.command("automark3", cls=ListCommand)
@photos_option(
    "--reference", "Photos whose canonical moles are searched for, or folders of such photos."
)
@photos_option("--target", "Photos to mark, or folders of such photos.")
@click.option(
    "--extra-stem",
    metavar="STEM",
    help="Read and write the targets' marks in PHOTO.STEM.json and ignore PHOTO.json, for example "
    "to compare the result with true marks by `mel-debug compare-marks`.",
)
@click.option("--dry-run", is_flag=True, help="Search, but write no marks.")
@click.option(
    "--min-confidence",
    type=FiniteRange(0, 1),
    default=0.5,
    show_default=True,
    metavar="P",
    help="Add a mark only if its place is right with at least this probability.",
)
@click.option(
    "--min-consistent",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Require N other moles that fit the same alignment of the photos.",
)
@click.option(
    "--consistency-distance",
    type=FiniteRange(min=0, min_open=True),
    metavar="PX",
    help="Distance, in pixels of the target, within which a mole fits the alignment.  "
    "[default: 2 % of the target's longer side]",
)
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write an HTML report of all moles, added or not, with crops of the photos to DIR.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print each decision with its reason.")
@extractor_options
@matcher_options
@no_mask_option
@worker_options
@force_option
@json_option
@csv_option
def command(
    references: tuple[Path, ...],
    targets: tuple[Path, ...],
    *,
    extra_stem: str | None,
    dry_run: bool,
    min_confidence: float,
    min_consistent: int,
    consistency_distance: float | None,
    report: Path | None,
    verbose: bool,
    no_mask: bool,
    jobs: int,
    scheduler: str | None,
    force: bool,
    as_json: bool,
    as_csv: bool,
    **stages: Any,
) -> None:
    """Mark the moles of earlier photos in new ones.

    Finds the canonical moles of the references in the targets. All moles of a pair of photos are
    searched for together, and the places of the others are used as evidence for each. No two moles
    get the same place, and existing marks do not change. New marks have a `confidence` and are not
    canonical.

    Folders are searched recursively: photos with marks are references, and all photos are targets.
    In a mel repository only rotomaps/parts is searched, and references are of the same body part.
    A photo is never its own reference.
    """
    from mel_debug.automark.targets import check_stem
    from mel_debug.files.outputs import OutputGuard
    from mel_debug.jobs.executors import check_workers, open_executor
    from mel_debug.jobs.extraction import prepare_worker
    from mel_debug.marking.runs import check_log
    from mel_debug.plugins.config import resolve

    check_one_format(as_json=as_json, as_csv=as_csv)
    check_workers(jobs, scheduler)
    check_stem(extra_stem)
    guard = OutputGuard((*references, *targets), force)
    if report is not None:
        from mel_debug.automark.report import PICTURE_NAMES

        guard.check_folder(report, PICTURE_NAMES)
    if not dry_run:
        check_log()
    config = config_from(**stages)
    resolve(config)  # wrong options are errors before anything starts
    drawn = None
    # Workers import what they need while this process does the same, and plans.
    with open_executor(jobs, scheduler, partial(prepare_worker, config)) as workers:
        from mel_debug.automark.decision import Rules
        from mel_debug.automark.runner import Job
        from mel_debug.automark.search import Setup
        from mel_debug.automark.targets import make_plan

        # Missing weights are errors before any photo is read.
        setup = Setup.of(config, use_masks=not no_mask)
        plan = make_plan(references, targets, extra_stem)
        rules = Rules(min_confidence, min_consistent, consistency_distance)
        job = Job(plan, setup, rules, extra_stem, dry_run)
        if report is not None:
            from mel_debug.automark.report import Report

            drawn = Report(report, plan, setup, guard)
        results = run_job(job, workers, report=drawn, verbose=verbose)
    kind: Format = "json" if as_json else "csv" if as_csv else "text"
    print_results(job, results, kind=kind, report=drawn)


def run_job(
    job: "Job", workers: "Workers", *, report: "Report | None", verbose: bool
) -> "list[TargetResult]":
    """Run a job; results are drawn, and with `verbose` printed, as they are made."""
    from mel_debug.automark.runner import automark
    from mel_debug.automark.texts import decision_lines

    results = []
    for result in automark(job, workers, show_progress):
        results.append(result)
        if report is not None:
            report.add(result)
        for line in decision_lines(result) if verbose else ():
            echo_line(line, err=True)
    place = {target.photo: number for number, target in enumerate(job.plan.targets)}
    return sorted(results, key=lambda result: place[result.target.photo])


def print_results(
    job: "Job", results: "list[TargetResult]", *, kind: Format, report: "Report | None"
) -> None:
    """Print the results and write the report. Raises MelError if there were problems."""
    from mel_debug.automark import texts
    from mel_debug.core.errors import MelError

    table = texts.summary_table(results)
    found = [*job.plan.problems, *(problem for result in results for problem in result.problems)]
    problems = list({str(problem): problem for problem in found}.values())
    output = {
        "json": lambda: json.dumps(texts.as_json(results, problems)),
        "csv": lambda: texts.as_csv(results),
        "text": lambda: table,
    }
    click.echo(output[kind]())
    if job.dry_run:
        click.echo("dry run: no marks were written", err=True)
    say_number(job.log)
    notes = [str(pair) for pair in texts.same_moles(results)]
    for note in notes:
        echo_line(note, err=True)
    if report is not None:
        page = report.finish("\n".join([table, *notes, *map(str, problems)]))
        echo_line(f"open {page} to review the moles", err=True)
    for problem in problems:
        echo_line(str(problem), err=True)
    if message := _problem_summary(results, problems):
        raise MelError(message)


def _problem_summary(results: "list[TargetResult]", problems: "list[Problem]") -> str | None:
    """The number of problems and of moles that were not searched, in one line; None if 0."""
    from mel_debug.automark.decision import Outcome

    parts = []
    if problems:
        count = len({problem.photo for problem in problems})
        parts.append(f"there were problems with {count} {'photo' if count == 1 else 'photos'}")
    missed = sum(result.count(Outcome.NOT_SEARCHED) for result in results)
    if missed:
        parts.append(f"{missed} {'mole was' if missed == 1 else 'moles were'} not searched")
    return f"{', and '.join(parts)}; all others are done" if parts else None
