"""`mel-debug calibrate`: learn from labelled photos how far matches can be trusted."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.evaluate import strict_option
from mel_debug.cli.options import no_mask_option
from mel_debug.cli.several import labelled_folder, several_options, state_options
from mel_debug.console.terminal import echo_line

if TYPE_CHECKING:
    from mel_debug.confidence.answers import Answer
    from mel_debug.evaluation.searches import Task
    from mel_debug.evaluation.state import State


@click.command("calibrate")
@click.argument("roots", metavar="ROOT...", type=labelled_folder, nargs=-1, required=True)
@several_options
@no_mask_option
@state_options
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the calibrations here; others that the file has stay.  [default: your "
    "configuration folder, where every command looks]",
)
@strict_option
def command(
    roots: tuple[Path, ...],
    *,
    no_mask: bool,
    restart: bool,
    state: Path | None,
    strict: bool,
    output: Path | None,
    **stages: Any,
) -> None:
    """Refit the confidence of matches on your own labelled photos.

    One calibration for each family of extractors and each matcher asked for. Photos of many
    people, hard pairs, and moles known to be absent (PHOTO.absent.json) make it better.
    """
    from mel_debug.cli.evaluate import check_state_file, evaluated, given_weights
    from mel_debug.cli.several import configurations_from
    from mel_debug.confidence.calibrations import check_calibrations, keep, own, own_path
    from mel_debug.confidence.fitting import fit
    from mel_debug.files.outputs import OutputGuard, check_apart, check_place

    guard = OutputGuard((*roots, *given_weights(stages)))
    path = output or own_path()
    if output is None:
        own()  # a damaged file is told of now
    else:
        guard.check(output, check_calibrations)
    check_place(path.parent)
    check_apart({"output": path, "state": state})
    if state is not None:
        check_state_file(guard, state)
    configurations = configurations_from(**stages)
    tasks, kept, skipped = evaluated(
        roots, configurations, state, restart=restart, use_masks=not no_mask, strict=strict
    )
    fitted = {}
    for key, answers in answers_by_key(tasks, kept).items():
        fitted[key] = fit(answers)
        right = sum(answer.right for answer in answers)
        echo_line(f"{key}: {right} right and {len(answers) - right} wrong answers to learn from")
    if output is not None:
        guard.check(output, check_calibrations)
    keep(path, fitted)
    echo_line(f"Kept in {path}")
    skipped.finish()


def answers_by_key(tasks: "list[Task]", kept: "State") -> "dict[str, list[Answer]]":
    """The answers that each calibration learns from; all sizes and options of one key together."""
    found: dict[str, list[Answer]] = {}
    for task in tasks:
        key = task.configuration.choice.calibration_key
        found.setdefault(key, []).extend(kept.finished[task.key].answers)
    return found
