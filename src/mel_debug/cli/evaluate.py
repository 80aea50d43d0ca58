"""`mel-debug evaluate`: accuracy, confidence and speed of configurations on labelled photos."""

from collections.abc import Sequence
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
from mel_debug.cli.searching import (
    check_state_file,
    evaluated,
    given_weights,
    state_options,
    strict_option,
)
from mel_debug.cli.several import configurations_from, labelled_folder, several_options
from mel_debug.console.progress import show_progress
from mel_debug.console.terminal import echo_line

if TYPE_CHECKING:
    from mel_debug.evaluation.configurations import Configuration
    from mel_debug.files.outputs import OutputGuard

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
    help="Number of matches per configuration in the gallery, and of examples on the page of "
    "--html.",
)
@click.option(
    "--changes",
    "with_changes",
    is_flag=True,
    help="Also measure how often `mel-debug changes` recognises moles that are new or gone, by "
    "size and contrast, and how many spots it calls new that are not.",
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
    marks those that can't be distinguished from the best. With several ROOTs, the measures are
    also given for the targets under each ROOT. To try it, generate photos with `mel-debug synth`.

    Finished searches are stored, so the same command resumes a run that was stopped. A search is
    repeated only if its photos, marks, masks, options or weights have changed.
    """
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


def print_scores(
    roots: Sequence[Path], configurations: "Sequence[Configuration]", *, use_masks: bool
) -> None:
    """Print how often new and gone moles are recognised, by configuration."""
    from mel_debug.changes.comparer import Comparer
    from mel_debug.core.errors import UsageError
    from mel_debug.evaluation.change_scores import score_changes, sessions_of

    pairs = sessions_of(roots)
    for configuration in configurations:
        click.echo(f"\nNew and gone moles: {configuration.label}")
        try:
            comparer = Comparer.of(configuration.run, use_masks=use_masks)
        except UsageError as error:
            echo_line(str(error))
            continue
        scores = score_changes(pairs, comparer, tick=show_progress)
        for line in [*scores.lines(), *scores.misses()]:
            click.echo(line)
