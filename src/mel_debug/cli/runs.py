"""`mel-debug runs`: the runs that changed marks, which can be undone."""

import json
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.options import json_option

if TYPE_CHECKING:
    from mel_debug.marking.runs import RunRecord


@click.command("runs")
@json_option
def command(*, as_json: bool) -> None:
    """List the runs that changed marks, the latest first.

    `mel-debug undo` takes back a run by its number. A run that changed nothing is not listed.
    """
    from mel_debug.marking.runs import list_runs

    runs = list(list_runs())
    if as_json:
        click.echo(json.dumps([row_of(run) for run in runs]))
    elif runs:
        click.echo("\n".join(map(_line, runs)))
    else:
        click.echo("no run has changed marks", err=True)


def row_of(run: "RunRecord") -> dict[str, Any]:
    files = list(dict.fromkeys(str(change.path) for change in run.changes))
    return {
        "run": run.number,
        "command": run.command,
        "started": run.started.isoformat(),
        "undone": run.undone,
        "files": files,
    }


def _line(run: "RunRecord") -> str:
    from mel_debug.core.errors import shortened
    from mel_debug.core.escape import escaped

    files = list(dict.fromkeys(str(change.path) for change in run.changes))
    what = "undone" if run.undone else shortened(files, 2) or "undone step by step"
    when = f"{run.started.astimezone():%Y-%m-%d %H:%M}"
    return escaped(f"{run.number:>5}  {when}  {run.command:10}  {what}")
