"""Fit the calibrations that ship with mel-debug, and check them on other people and photos.

    python benchmarks/fit_confidence.py make FOLDER [--photos PHOTO...]    generates all photos
    python benchmarks/fit_confidence.py fit FOLDER                 rewrites the calibrations
    python benchmarks/fit_confidence.py fit FOLDER --only xfeat/geometric    rewrites this one
    python benchmarks/fit_confidence.py check FOLDER               prints the measures of each kind

Warps of the PHOTOs are only checked on. Finished searches are stored in FOLDER, so that each step
can be stopped and resumed. They do not depend on the source code: after a change to a matcher, or
to the evidence, run `fit` and `check` with --restart. `confidence_sets.py` has what is generated.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from confidence_sets import CAUTION, pairs_of, plans, weights_of
from mel_debug.confidence.answers import Answer
from mel_debug.confidence.calibrations import ANY, calibrations_in, text_of
from mel_debug.confidence.evidence import METRIC_FREE
from mel_debug.confidence.fitting import fit as fitted
from mel_debug.core.errors import MelError
from mel_debug.evaluation.configurations import Configuration, product_of
from mel_debug.evaluation.searches import Task, plan_tasks, run
from mel_debug.evaluation.state import State
from mel_debug.evaluation.summary import Summary, results_of, summary_of
from mel_debug.evaluation.tables import text_report
from mel_debug.plugins.config import RunConfig
from tables import machine, show

COMBINATIONS = (
    RunConfig(extractor="xfeat", preset="accurate", no_cache=True),
    RunConfig(extractor="xfeat", preset="fast", no_cache=True),
    RunConfig(extractor="xfeat", preset="fast", matcher="softmax", no_cache=True),
    RunConfig(extractor="xfeat", preset="fast", matcher="euclidean", no_cache=True),
)
"""Configurations to calibrate. DINOv3 is left out where its weights are not available."""

OUTPUT = Path(__file__).parent.parent / "src" / "mel_debug" / "confidence" / "calibration.json"

RATES = ("pck@0.01", "coverage", "wrong_accepted", "false_accepts", "radius_coverage")
ABSENT_RATES = ("absent_found", "false_absent")
HEAD = (
    "method", "kind", "queries", "PCK@.01", "coverage", "wrong", "absent", "radius", "AUROC", "ECE",
    "found absent", "falsely", "absent ECE",
)  # fmt: skip

folder_argument = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
restart_option = click.option("--restart", is_flag=True, help="Repeat finished searches.")
output_option = click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=OUTPUT,
    show_default=True,
    help="The file of calibrations to write.",
)


@click.group()
def main() -> None:
    """Generate photos, fit calibrations and check them."""


@main.command()
@folder_argument
@click.option(
    "--photos",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A photo to warp for the check. Repeatable.",
)
def make(folder: Path, photos: tuple[Path, ...]) -> None:
    """Generate all photos that are missing."""
    for plan in plans(folder, [photo.resolve() for photo in photos]):
        if not plan.done.exists():
            plan.make()
            click.echo(plan.root)


@main.command()
@folder_argument
@restart_option
@output_option
@click.option("--only", multiple=True, metavar="KEY", help="Fit only this one. Repeatable.")
def fit(folder: Path, *, restart: bool, output: Path, only: tuple[str, ...]) -> None:
    """Fit every combination, and one calibration to all of them for any other combination."""
    found = dict(calibrations_in(output)) if only else {}
    everything: list[Answer] = []
    counts: list[float] = []
    for configuration in configurations():
        if only and key_of(configuration) not in only:
            continue
        by_kind = searched(folder, "train", configuration, restart=restart)
        kinds, answers = labelled_answers(by_kind)
        weights = weights_of(kinds)
        found[key_of(configuration)] = fitted(answers, weights=weights, caution=CAUTION)
        everything += answers
        counts += weights
    if not only:
        found[ANY] = fitted(everything, METRIC_FREE, counts, CAUTION)
    output.write_text(text_of(found), encoding="utf-8")
    click.echo(f"wrote {output}: {', '.join(found)}")


@main.command()
@folder_argument
@restart_option
def check(folder: Path, *, restart: bool) -> None:
    """Print the measures of confidence of every combination with the calibration that ships."""
    click.echo(machine())
    rows: list[Sequence[object]] = []
    for configuration in configurations():
        by_kind = searched(folder, "test", configuration, restart=restart)
        summaries = {
            kind: summary_of(*results_of(tasks, state)) for kind, (tasks, state) in by_kind.items()
        }
        rows += [row_of(configuration, kind, each) for kind, each in summaries.items()]
        for kind, each in summaries.items():
            click.echo(f"\n{kind}\n{text_report([each], {})}")
    show("people and photos not calibrated on; all shares", HEAD, rows)


def row_of(configuration: Configuration, kind: str, summary: Summary) -> list[object]:
    rates = {name: rate.value for name, rate in summary.rates.items()}
    return [
        configuration.label,
        kind,
        f"{summary.queries}+{summary.absent}",
        *(rates[name] for name in RATES),
        summary.auroc,
        summary.ece,
        *(rates[name] for name in ABSENT_RATES),
        summary.absent_ece,
    ]


def configurations() -> Iterable[Configuration]:
    """Yield the combinations whose weights are on this machine."""
    for wanted in COMBINATIONS:
        yield from product_of(wanted)


def key_of(configuration: Configuration) -> str:
    return configuration.run.calibration_key


def searched(
    folder: Path, name: str, configuration: Configuration, *, restart: bool
) -> dict[str, tuple[list[Task], State]]:
    """Run the searches of a set that its state does not hold; returns them by kind of photos."""
    pairs = pairs_of(folder, name)
    if not pairs:
        raise MelError(f"{folder / name} has no sessions; run make first")
    state = State.begin(folder / f"{name}.jsonl")
    tasks = {kind: plan_tasks([configuration], each) for kind, each in pairs.items()}
    all_tasks = [task for each in tasks.values() for task in each]
    if restart:
        state.forget([task.key for task in all_tasks])
    label = f"{name}, {configuration.label}"
    with click.progressbar(run(all_tasks, state), length=len(all_tasks), label=label) as bar:
        for _ in bar:
            pass
    return {kind: (each, state) for kind, each in tasks.items()}


def labelled_answers(
    by_kind: dict[str, tuple[list[Task], State]],
) -> tuple[list[str], list[Answer]]:
    """Return the kind of each answer, and the answers."""
    kinds, answers = [], []
    for kind, (tasks, state) in by_kind.items():
        found = [answer for task in tasks for answer in state.finished[task.key].answers]
        right = sum(answer.right for answer in found)
        absent = sum(answer.truth is None for answer in found)
        click.echo(f"{kind}: {len(found)} answers, {right} right, {absent} of absent moles")
        kinds += [kind] * len(found)
        answers += found
    return kinds, answers


if __name__ == "__main__":
    main()
