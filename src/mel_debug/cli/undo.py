"""`mel-debug undo`: take back what a run changed in the marks."""

from typing import TYPE_CHECKING

import click

from mel_debug.console.terminal import echo_line

if TYPE_CHECKING:
    from mel_debug.marking.runs import Run
    from mel_debug.marking.undoing import UndoResult


@click.command("undo")
@click.argument("run", type=click.IntRange(min=1), metavar="[RUN]", required=False)
def command(run: int | None) -> None:
    """Take back the changes that a run made to marks.

    RUN is its number, which `mel-debug runs` lists; by default the latest run that is not undone. A
    file that nothing else has changed since then is restored to the byte. In any other file only
    the marks of this run are taken back. Marks that were changed later stay; they are listed, and
    the exit code is 1.
    """
    from mel_debug.core.errors import MelError
    from mel_debug.marking.undoing import undo_run

    result = undo_run(run)
    for line in lines_of(result):
        echo_line(line)
    for left in result.left:
        echo_line(f"{left.path}: mole {left.uuid} was changed since, and stays as it is", err=True)
    if result.left:
        count = len(result.left)
        raise MelError(
            f"{count} {'mark stays' if count == 1 else 'marks stay'}; the rest is undone"
        )


def lines_of(result: "UndoResult") -> list[str]:
    """Return what was undone, one line a file."""
    head = f"undid run {result.run.number} ({result.run.command})"
    restored = [f"  {path}: as before" for path in result.restored]
    partly = [
        f"  {path}: was changed since; only this run's marks were taken back"
        for path in result.own_marks
    ]
    return [head, *restored, *partly]


def say_number(run: "Run") -> None:
    """Print the number of a run that has changed marks, on standard error."""
    if run.number is not None:
        echo_line(f"run {run.number}; to take it back: mel-debug undo {run.number}", err=True)
