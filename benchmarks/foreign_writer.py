"""Writes lost by a program that takes no lock while mel-debug adds marks to the same file.

    python benchmarks/foreign_writer.py                 both kinds of writer, every 2 ms
    python benchmarks/foreign_writer.py --every 0.01    one that writes every 10 ms

The foreign writer is a process of its own. It reads the marks, appends one, and writes them all,
again and again: in place (truncate and write), or beside the file and then by a rename. Meanwhile
this process adds marks of its own, one at a time. A foreign write is lost if its mark was written
and is not in the file in the end. Marks of ours that the foreign writer overwrites are counted, but
no program can prevent that: the writer read the file before they were there.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click

from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.files.append_marks import NewMark, append_marks
from mel_debug.files.marks import marks_path, read_moles
from tables import machine, show

WAYS = ("in place", "rename")


@dataclass(frozen=True, slots=True)
class Count:
    """Marks written and marks lost in one run, by either program."""

    foreign: int
    foreign_lost: int
    ours: int
    ours_overwritten: int
    refused: int


@click.group(invoke_without_command=True)
@click.option("--writes", default=314, show_default=True, help="Foreign writes per run.")
@click.option("--every", default=0.002, show_default=True, metavar="SECONDS")
@click.option("--rounds", default=3, show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), help="A folder on the disk to measure.")
@click.pass_context
def main(
    context: click.Context, writes: int, every: float, rounds: int, folder: Path | None
) -> None:
    """Count lost writes."""
    if context.invoked_subcommand is not None:
        return
    print(machine(), file=sys.stderr)
    rows = []
    for way in WAYS:
        counts = [_measured(way, writes, every, folder) for _ in range(rounds)]
        rows.append((way, *(sum(values) for values in zip(*map(_row, counts), strict=True))))
    head = ("writer", "foreign writes", "lost", "ours", "overwritten", "refused")
    show(f"a foreign writer every {every * 1000:g} ms", head, rows)


def _row(count: Count) -> tuple[int, ...]:
    return (
        count.foreign,
        count.foreign_lost,
        count.ours,
        count.ours_overwritten,
        count.refused,
    )


def _measured(way: str, writes: int, every: float, place: Path | None) -> Count:
    with tempfile.TemporaryDirectory(dir=place) as folder:
        photo = Path(folder, "photo.jpg")
        marks_path(photo).write_text("[]\n")
        command = [sys.executable, __file__, "_write", str(marks_path(photo)), way]
        with subprocess.Popen(
            [*command, str(writes), str(every)], stdout=subprocess.PIPE, text=True
        ) as writer:
            ours: set[str] = set()
            refused = 0
            while writer.poll() is None:
                uuid = f"a{len(ours) + refused:031d}"
                try:
                    append_marks(photo, [NewMark(uuid, Point(len(ours), 1), 0.5)])
                    ours.add(uuid)
                except MelError:
                    refused += 1
            assert writer.stdout is not None
            written = {f"f{number:031d}" for number in range(int(writer.stdout.read()))}
        left = {mole.uuid for mole in read_moles(photo)}
        return Count(len(written), len(written - left), len(ours), len(ours - left), refused)


@main.command("_write", hidden=True)
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("way")
@click.argument("writes", type=int)
@click.argument("every", type=float)
def _write(path: Path, way: str, writes: int, every: float) -> None:
    """Write marks as a foreign program and print their number."""
    for number in range(writes):
        entries = json.loads(path.read_text())
        entries.append({"uuid": f"f{number:031d}", "x": number, "y": 2})
        text = json.dumps(entries, indent=4, sort_keys=True, separators=(",", ": ")) + "\n"
        if way == "in place":
            path.write_text(text)
        else:
            beside = path.with_suffix(".foreign")
            beside.write_text(text)
            os.replace(beside, path)  # noqa: PTH105 - as most programs do it
        time.sleep(every)
    print(writes)


if __name__ == "__main__":
    main()
