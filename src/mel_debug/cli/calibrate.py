"""`mel-debug calibrate`: fit the confidence of matches to labelled photos."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.options import no_mask_option
from mel_debug.cli.searching import (
    check_state_file,
    evaluated,
    given_weights,
    state_options,
    strict_option,
)
from mel_debug.cli.several import configurations_from, labelled_folder, several_options
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
    help="Write the calibrations to FILE; calibrations of other methods in it are kept.  "
    "[default: your configuration folder, from which every command reads them]",
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
    """Fit the confidence of matches to your own labelled photos.

    Use it when reported confidences are too high or too low on your photos, or for an extractor or
    matcher that has no calibration. Fits one calibration for each family of extractors and each
    matcher. Include photos of many people, hard pairs, and moles known to be absent
    (PHOTO.absent.json).
    """
    from mel_debug.confidence.calibrations import (
        check_calibrations,
        store,
        user_calibrations,
        user_path,
    )
    from mel_debug.confidence.fitting import fit
    from mel_debug.files.outputs import OutputGuard, check_apart, check_place

    guard = OutputGuard((*roots, *given_weights(stages)))
    path = output or user_path()
    if output is None:
        user_calibrations()  # fail on a damaged file before searching
    else:
        guard.check(output, check_calibrations)
    check_place(path.parent)
    check_apart({"output": path, "state": state})
    if state is not None:
        check_state_file(guard, state)
    configurations = configurations_from(**stages)
    tasks, stored, skipped = evaluated(
        roots, configurations, state, restart=restart, use_masks=not no_mask, strict=strict
    )
    fitted = {}
    for key, answers in answers_by_key(tasks, stored).items():
        fitted[key] = fit(answers)
        right = sum(answer.right for answer in answers)
        echo_line(f"{key}: {right} right and {len(answers) - right} wrong matches to fit to")
        if fitted[key].absent_if_wrong is None:
            echo_line(
                f"{key}: too few moles are known to be absent, so `absent` stays unknown",
                err=True,
            )
    if output is not None:
        guard.check(output, check_calibrations)
    store(path, fitted)
    echo_line(f"Wrote {path}")
    skipped.finish()


def answers_by_key(tasks: "list[Task]", state: "State") -> "dict[str, list[Answer]]":
    """Return the answers to fit each calibration to; one key covers all image sizes and options."""
    found: dict[str, list[Answer]] = {}
    for task in tasks:
        key = task.configuration.run.calibration_key
        found.setdefault(key, []).extend(state.finished[task.key].answers)
    return found
