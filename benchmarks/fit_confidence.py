"""Fit the calibrations that ship with mel-debug, and check them on other people.

    python benchmarks/fit_confidence.py make FOLDER     generates people to fit and to check on
    python benchmarks/fit_confidence.py fit FOLDER      rewrites the calibrations in the package
    python benchmarks/fit_confidence.py check FOLDER    prints the measures on the others

Finished searches are stored in FOLDER, so that each step can be stopped and resumed.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import click
import numpy as np

from mel_debug.confidence.answers import Answer
from mel_debug.confidence.calibrations import ANY, text_of
from mel_debug.confidence.evidence import METRIC_FREE
from mel_debug.confidence.fitting import fit as fitted
from mel_debug.confidence.model import Calibration
from mel_debug.core.errors import MelError
from mel_debug.evaluation.configurations import Configuration, product_of
from mel_debug.evaluation.labelled import labelled_pairs
from mel_debug.evaluation.searches import Task, plan_tasks, run
from mel_debug.evaluation.state import State
from mel_debug.evaluation.summary import results_of, summary_of
from mel_debug.plugins.config import RunConfig
from mel_debug.synth.repository import begin_repository, plan_repository
from tables import machine, show

SETS = {"train": (100, 40), "test": (500, 20)}
"""First seed and number of people of each set; no seed is in both."""

DIFFICULTIES = (0.3, 0.5, 0.7, 0.9, 1.0)
MEGAPIXELS = (3.0, 6.0, 3.0, 12.0)
MOLES, ABSENT = 24, 0.2

COMBINATIONS = (
    RunConfig(extractor="xfeat", preset="accurate", no_cache=True),
    RunConfig(extractor="xfeat", preset="fast", no_cache=True),
    RunConfig(extractor="xfeat", preset="fast", matcher="softmax", no_cache=True),
    RunConfig(extractor="xfeat", preset="fast", matcher="euclidean", no_cache=True),
)
"""Configurations to calibrate. DINOv3 is left out where its weights are not available."""

OUTPUT = Path(__file__).parent.parent / "src" / "mel_debug" / "pipeline" / "calibration.json"

folder_argument = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@click.group()
def main() -> None:
    """Generate photos, fit calibrations and check them."""


@main.command()
@folder_argument
def make(folder: Path) -> None:
    """Generate all photos: two sessions of one body part of each person."""
    for name, (first, count) in SETS.items():
        for number in range(count):
            root = folder / name / str(first + number)
            if (root / "done").exists():
                continue
            planned = plan_repository(
                root,
                first + number,
                photos=1,
                sessions=2,
                moles=MOLES,
                megapixels=MEGAPIXELS[number % len(MEGAPIXELS)],
                difficulty=DIFFICULTIES[number % len(DIFFICULTIES)],
                absent=ABSENT,
            )
            begin_repository(root)
            for photo in planned:
                photo.write()
            (root / "done").touch()
            click.echo(f"{name} {first + number}")


@main.command()
@folder_argument
def fit(folder: Path) -> None:
    """Fit every combination, and one calibration to all of them for any other combination."""
    found: dict[str, Calibration] = {}
    everything: list[Answer] = []
    for configuration in configurations():
        answers = answers_of(folder, "train", configuration)
        found[key_of(configuration)] = fitted(answers)
        everything += answers
    found[ANY] = fitted(everything, METRIC_FREE)
    OUTPUT.write_text(text_of(found), encoding="utf-8")
    click.echo(f"wrote {OUTPUT.name}: {', '.join(found)}")


@main.command()
@folder_argument
def check(folder: Path) -> None:
    """Print the measures of confidence of every combination with the calibration that ships."""
    click.echo(machine())
    rows = []
    for configuration in configurations():
        tasks, state = finished(folder, "test", [configuration])
        (result,) = results_of(tasks, state)
        summary = summary_of(result)
        rates = {name: rate.value for name, rate in summary.rates.items()}
        shown = ("coverage", "wrong_accepted", "false_accepts", "radius_coverage")
        rows.append(
            [
                configuration.label,
                f"{summary.queries}+{summary.absent}",
                rates["pck@0.01"],
                summary.auroc,
                summary.ece,
                *(rates[name] for name in shown),
            ]
        )
    head = ("method", "queries", "PCK@.01", "AUROC", "ECE", "coverage", "wrong", "absent", "radius")
    show("people not calibrated on; all shares", head, rows)


def configurations() -> Iterable[Configuration]:
    """Yield the combinations whose weights are on this machine."""
    for wanted in COMBINATIONS:
        yield from product_of(wanted)


def key_of(configuration: Configuration) -> str:
    return configuration.run.calibration_key


def finished(folder: Path, name: str, chosen: Sequence[Configuration]) -> tuple[list[Task], State]:
    """Run the searches of a set that the state does not hold, and return all of them."""
    roots = sorted(root for root in (folder / name).iterdir() if (root / "done").exists())
    if not roots:
        raise MelError(f"{folder / name} has no sessions; run make first")
    tasks = plan_tasks(chosen, labelled_pairs(roots))
    state = State.begin(folder / f"{name}.jsonl")
    with click.progressbar(run(tasks, state), length=len(tasks), label=name) as bar:
        for _ in bar:
            pass
    return tasks, state


def answers_of(folder: Path, name: str, configuration: Configuration) -> list[Answer]:
    tasks, state = finished(folder, name, [configuration])
    answers = [answer for task in tasks for answer in state.finished[task.key].answers]
    right = np.mean([answer.right for answer in answers])
    click.echo(f"{configuration.label}: {len(answers)} answers, {right:.0%} right")
    return answers


if __name__ == "__main__":
    main()
