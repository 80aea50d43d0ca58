"""`mel-debug calibrate`: learn from labelled photos how far matches can be trusted."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.options import no_mask_option
from mel_debug.cli.several import labelled_folder, several_options

if TYPE_CHECKING:
    from mel_debug.confidence.answers import Answer
    from mel_debug.evaluation.searches import Task
    from mel_debug.evaluation.state import State


@click.command("calibrate")
@click.argument("roots", metavar="ROOT...", type=labelled_folder, nargs=-1, required=True)
@several_options
@no_mask_option
@click.option("--resume", is_flag=True, help="Go on where the last run on these folders stopped.")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to keep what is finished.  [default: a file of your state folder]",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the calibrations here.  [default: your configuration folder, where every command "
    "looks]",
)
def command(
    roots: tuple[Path, ...],
    *,
    no_mask: bool,
    resume: bool,
    state: Path | None,
    output: Path | None,
    **stages: Any,
) -> None:
    """Refit the confidence of matches on your own labelled photos.

    One calibration for each family of extractors and each matcher asked for. Photos of many
    people, hard pairs, and moles known to be absent (PHOTO.absent.json) make it better.
    """
    from mel_debug.cli.evaluate import evaluated
    from mel_debug.cli.several import configurations_from
    from mel_debug.confidence.calibrations import keep_own, own_path, text_of
    from mel_debug.confidence.fitting import fit
    from mel_debug.files.atomic import write_atomically

    configurations = configurations_from(**stages)
    tasks, kept = evaluated(roots, configurations, state, resume=resume, use_masks=not no_mask)
    fitted = {}
    for key, answers in answers_by_key(tasks, kept).items():
        fitted[key] = fit(answers)
        right = sum(answer.right for answer in answers)
        click.echo(f"{key}: {right} right and {len(answers) - right} wrong answers to learn from")
    if output is not None:
        write_atomically(output, text_of(fitted).encode())
    else:
        for key, calibration in fitted.items():
            keep_own(key, calibration)
    click.echo(f"Kept in {output or own_path()}")


def answers_by_key(tasks: "list[Task]", kept: "State") -> "dict[str, list[Answer]]":
    """The answers that each calibration learns from; all sizes and options of one key together."""
    found: dict[str, list[Answer]] = {}
    for task in tasks:
        key = task.configuration.choice.calibration_key
        found.setdefault(key, []).extend(kept.finished[task.key].answers)
    return found
