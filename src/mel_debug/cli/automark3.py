"""`mel-debug automark3`: mark in whole sessions what earlier ones know."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mel_debug.cli.lists import ListCommand
from mel_debug.cli.options import (
    config_from,
    extractor_options,
    force_option,
    json_option,
    matcher_options,
    no_mask_option,
    photo_or_folder,
    worker_options,
)
from mel_debug.console.numbers import FiniteRange
from mel_debug.console.terminal import echo_line, show_progress

if TYPE_CHECKING:
    from mel_debug.automark.runner import Job, TargetResult
    from mel_debug.automark.targets import Problem
    from mel_debug.files.outputs import OutputGuard

T = TypeVar("T")


@click.command("automark3", cls=ListCommand)
@click.option(
    "--reference",
    "references",
    type=photo_or_folder,
    multiple=True,
    required=True,
    metavar="PHOTO_OR_DIR...",
    help="Photos whose canonical moles are looked for, or folders of them.",
)
@click.option(
    "--target",
    "targets",
    type=photo_or_folder,
    multiple=True,
    required=True,
    metavar="PHOTO_OR_DIR...",
    help="Photos to mark, or folders of them.",
)
@click.option(
    "--extra-stem",
    metavar="STEM",
    help="Read and write the targets' marks in PHOTO.STEM.json instead of PHOTO.json, as if there "
    "were no others: for review with compare-marks.",
)
@click.option("--dry-run", is_flag=True, help="Write no marks.")
@click.option(
    "--min-confidence",
    type=FiniteRange(0, 1),
    default=0.5,
    show_default=True,
    metavar="P",
    help="Mark a mole only where its place is right with at least this probability.",
)
@click.option(
    "--min-consistent",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="... and where at least N other moles agree with it on how the photos lie.",
)
@click.option(
    "--consistency-distance",
    type=FiniteRange(min=0, min_open=True),
    metavar="PX",
    help="How near, in pixels of the target, the smooth map through all moles must pass by one "
    "that agrees.  [default: 2 % of the target's longer side]",
)
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write a picture of every new mark and a page that shows them to DIR.",
)
@click.option("-v", "--verbose", is_flag=True, help="Tell of every mole what was decided and why.")
@extractor_options
@matcher_options
@no_mask_option
@worker_options
@force_option
@json_option
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
    **stages: Any,
) -> None:
    """Mark in every target the moles that are canonical in the references and missing there.

    All moles of a pair of photos are looked for together and must agree on how the photos lie; two
    never get one place, nor one that is marked already. New marks are not canonical and have a
    `confidence`. Marks that are there stay as they are.

    In a folder, also inside, all photos are targets and those with marks are references; of a mel
    repository those under rotomaps/parts, each part of the body by itself. A photo is never its own
    reference.
    """
    from mel_debug.automark.decide import Rules
    from mel_debug.automark.runner import Job
    from mel_debug.automark.search import Setup
    from mel_debug.automark.targets import check_stem, make_plan
    from mel_debug.files.outputs import OutputGuard
    from mel_debug.jobs.executors import check_workers

    check_workers(jobs, scheduler)
    check_stem(extra_stem)
    guard = OutputGuard((*references, *targets), force)
    if report is not None:
        from mel_debug.automark.report import PICTURE_NAMES

        guard.check_folder(report, PICTURE_NAMES)
    # What can't be had is told before anything is read.
    setup = Setup.of(config_from(**stages), use_masks=not no_mask)
    job = Job(
        make_plan(references, targets, extra_stem),
        setup,
        Rules(min_confidence, min_consistent, consistency_distance),
        extra_stem,
        dry_run,
    )
    results = marked(job, jobs, scheduler, verbose=verbose)
    tell(job, results, as_json=as_json, report=report, guard=guard)


def marked(job: "Job", jobs: int, scheduler: str | None, *, verbose: bool) -> "list[TargetResult]":
    """Do the job; each target's decisions are told as they are made, if asked for."""
    from mel_debug.automark.runner import automark
    from mel_debug.automark.texts import decision_lines
    from mel_debug.jobs.executors import open_executor

    results = []
    with open_executor(jobs, scheduler) as workers:
        for result in automark(job, workers, track):
            results.append(result)
            for line in decision_lines(result) if verbose else ():
                echo_line(line, err=True)
    place = {target.photo: number for number, target in enumerate(job.plan.targets)}
    return sorted(results, key=lambda result: place[result.target.photo])


def track(items: Iterable[T], label: str, length: int) -> Iterable[T]:
    """The items with a progress bar, if there are any."""
    return show_progress(items, label, length) if length else items


def tell(
    job: "Job",
    results: "list[TargetResult]",
    *,
    as_json: bool,
    report: Path | None,
    guard: "OutputGuard",
) -> None:
    """Print what was done and draw what was asked for. Raises MelError if photos had problems."""
    from mel_debug.automark import texts as tables
    from mel_debug.core.errors import MelError

    table = tables.summary_table(results)
    told = [*job.plan.problems, *(problem for result in results for problem in result.problems)]
    problems = list({str(problem): problem for problem in told}.values())
    click.echo(json.dumps(tables.as_json(results, problems)) if as_json else table)
    if job.dry_run:
        click.echo("dry run: no marks were written", err=True)
    if report is not None:
        from mel_debug.automark.report import write_report

        text = "\n".join([table, *map(str, problems)])
        page = write_report(report, results, job.setup, text, show_progress, guard=guard)
        echo_line(f"New marks: open {page}", err=True)
    for problem in problems:
        echo_line(str(problem), err=True)
    if complaint := _complaint(results, problems):
        raise MelError(complaint)


def _complaint(results: "list[TargetResult]", problems: "list[Problem]") -> str | None:
    """What was left undone, in one line; None if nothing was."""
    from mel_debug.automark.decide import Outcome

    parts = []
    if problems:
        count = len({problem.photo for problem in problems})
        parts.append(f"there were problems with {count} {'photo' if count == 1 else 'photos'}")
    missed = sum(result.count(Outcome.NOT_SEARCHED) for result in results)
    if missed:
        parts.append(f"{missed} {'mole was' if missed == 1 else 'moles were'} not searched")
    return f"{', and '.join(parts)}; all others are done" if parts else None
