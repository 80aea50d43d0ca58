"""`mel-debug automark3` measured against its targets.

    python benchmarks/automark.py pair PATH        a labelled pair of sessions, both ways
    python benchmarks/automark.py generated        precision and recall on generated sessions
    python benchmarks/automark.py many             100 moles against one, features cached
    python benchmarks/automark.py kills            SIGKILL at random moments of a run

Every command runs in its own process, as a user starts it; extractor xfeat, everything else left
to the defaults. Photos and marks are copied first.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np

from mel_debug.evaluation.compare import Comparison, compare
from mel_debug.files.discovery import find_photos
from mel_debug.files.exact_json import text_of
from mel_debug.files.marks import ABSENT, marks_path, read_moles
from mel_debug.files.user_dirs import CACHE
from tables import machine, show

FIRST_SEED = 720
MOLES, ABSENT_SHARE = 30, 0.2
MANY = 100
REPEATS = 3

WITHIN_PX, FAR_PX = 50.0, 100.0


@click.group()
def main() -> None:
    """Measure `mel-debug automark3`."""


@main.command()
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
def pair(path: Path) -> None:
    """Mark each of two sessions under PATH from the other, with their common marks removed."""
    rows = []
    with workplace() as folder:
        for number in (0, 1):
            copy = folder / f"copy{number}"
            shutil.copytree(path, copy, copy_function=shutil.copyfile)  # not its read-only mode
            photos = find_photos([copy])
            if len(photos) != 2:
                raise click.UsageError(f"{path} holds {len(photos)} photos, not 2")
            reference, target = photos[number], photos[1 - number]
            truth = {mole.uuid: mole for mole in read_moles(target)}
            common = {mole.uuid for mole in read_moles(reference)} & set(truth)
            before = unmark(target, common)
            seconds = automark([reference], [target])
            after = json.loads(marks_path(target).read_text())
            assert after[: len(before)] == before, "marks that were there have changed"
            errors = [
                truth[mole.uuid].point.distance_to(mole.point)
                for mole in read_moles(target)
                if mole.uuid in common
            ]
            strangers = [e for e in after[len(before) :] if e["uuid"] not in common]
            rows.append(
                [
                    target.parent.name,
                    len(common),
                    sum(error <= WITHIN_PX for error in errors),
                    sum(error > FAR_PX for error in errors) + len(strangers),
                    " ".join(f"{error:.0f}" for error in errors),
                    seconds,
                ]
            )
    head = ["target", "common", "within 50 px", "over 100 px off", "errors, px", "seconds"]
    show(f"A labelled pair ({machine()})", head, rows)


@main.command()
@click.option(
    "--people", default=5, show_default=True, help="Number of people; their seeds start at 720."
)
@click.option("--megapixels", default=6.0, show_default=True)
@click.option("--difficulty", default=0.5, show_default=True)
@click.option("--preset", default="accurate", show_default=True)
def generated(people: int, megapixels: float, difficulty: float, preset: str) -> None:
    """Mark each of two sessions of every person from the other, on two body parts."""
    rows, everything = [], []
    with workplace() as folder:
        for seed in range(FIRST_SEED, FIRST_SEED + people):
            root = synth(folder / str(seed), seed, megapixels, difficulty, photos=2)
            photos = find_photos([root])
            for photo in photos:
                others = [p for p in photos if p.parent != photo.parent]
                others = [p for p in others if p.parent.parent == photo.parent.parent]
                automark(others, [photo], "--extra-stem", "auto", "--preset", preset)
                findable = frozenset(m.uuid for other in others for m in read_moles(other))
                compared = compare(photo, "auto", findable=findable)
                everything.append(compared)
                rows.append([seed, *photo.parts[-4:-1], *counts(Comparison((compared,)))])
    whole = Comparison(tuple(everything))
    rows.append(["all", "", "", "", *counts(whole)])
    head = ["seed", "part", "", "target", "findable", "matched", "misplaced", "missing", "added"]
    show(
        f"Generated sessions, {MOLES} moles, {ABSENT_SHARE:.0%} absent, {megapixels:g} megapixels, "
        f"difficulty {difficulty:g}, {preset} ({machine()})",
        head,
        rows,
    )
    print(
        f"\nprecision {whole.precision or 0:.3f} (bar 0.98), recall {whole.recall or 0:.3f}", end=""
    )
    print(f" (bar 0.90), AUROC of the confidence of what was added {whole.auroc}")


def counts(comparison: Comparison) -> list[int]:
    kinds = ("matched", "misplaced", "missing", "added")
    return [comparison.true, *(comparison.count(kind) for kind in kinds)]


@main.command()
@click.option("--megapixels", default=12.0, show_default=True)
@click.option("--preset", default="accurate", show_default=True)
def many(megapixels: float, preset: str) -> None:
    """Time a pair of photos with one mole to find and with a hundred, three times each."""
    with workplace() as folder:
        root = synth(folder / "many", FIRST_SEED, megapixels, 0.5, moles=MANY, absent=0.0)
        reference, target = find_photos([root])
        entries = json.loads(marks_path(reference).read_text())
        more = ("--dry-run", "--preset", preset)
        rows: list[list[object]] = []
        times = []
        for count in (1, MANY):
            some = [entries[MANY // 2]] if count == 1 else entries
            marks_path(reference).write_text(text_of(some) + "\n")
            marks_path(target).unlink(missing_ok=True)
            automark([reference], [target], *more)  # describes the photos
            seconds = [automark([reference], [target], *more) for _ in range(REPEATS)]
            times.append(np.array([min(seconds), np.median(seconds)]))
            rows.append([count, *times[-1].tolist()])
    rows.append(["ratio", *(times[1] / times[0]).tolist()])
    title = f"Moles of one pair, features cached, {megapixels:g} megapixels, {preset}"
    show(f"{title} ({machine()})", ["moles", "seconds, fastest", "median"], rows)


@main.command()
@click.option("--count", default=100, show_default=True)
def kills(count: int) -> None:
    """Kill runs with three targets at random moments; every marks file must stay complete."""
    chance = random.Random(1)
    with workplace() as folder:
        root = synth(folder / "kills", FIRST_SEED, 0.5, 0.3, photos=3, moles=8)
        photos = find_photos([root])
        references, targets = photos[::2], photos[1::2]
        old = {photo: text_of(unmark(photo, None)) + "\n" for photo in targets}
        more = ("--preset", "fast", "--min-confidence", "0.3")
        automark(references, targets, *more)
        whole = automark(references, targets, "--dry-run", *more)
        new = {photo: marks_path(photo).read_text() for photo in targets}
        assert new != old, "nothing was marked"
        written = torn = 0
        for _ in range(count):
            for photo in targets:
                marks_path(photo).write_text(old[photo])
            running = subprocess.Popen(
                command(references, targets, *more),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(chance.uniform(0.0, 1.2) * whole)
            running.send_signal(signal.SIGKILL)
            running.wait()
            for photo in targets:
                text = marks_path(photo).read_text()
                written += text == new[photo] != old[photo]
                torn += text not in (old[photo], new[photo])
        automark(references, targets, *more)
        complete = all(marks_path(photo).read_text() == new[photo] for photo in targets)
        left = [p.name for photo in targets for p in photo.parent.glob(".*")]
    show(
        f"{count} kills of a run of {whole:.1f} s over {len(targets)} targets ({machine()})",
        ["files neither old nor new", "files new after a kill", "complete after a rerun", "left"],
        [[torn, written, "yes" if complete else "NO", " ".join(left) or "nothing"]],
    )


def command(references: Sequence[Path], targets: Sequence[Path], *more: str) -> list[str]:
    named = ["--reference", *map(str, references), "--target", *map(str, targets)]
    return [sys.executable, "-m", "mel_debug", "automark3", *named, "--extractor", "xfeat", *more]


def automark(references: Sequence[Path], targets: Sequence[Path], *more: str) -> float:
    """Run the command and return its seconds."""
    start = time.perf_counter()
    done = subprocess.run(
        command(references, targets, *more), check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise click.ClickException(done.stderr)
    return time.perf_counter() - start


def synth(
    folder: Path,
    seed: int,
    megapixels: float,
    difficulty: float,
    *,
    photos: int = 1,
    moles: int = MOLES,
    absent: float = ABSENT_SHARE,
) -> Path:
    """Generate two sessions of one person."""
    options = {
        "photos": photos,
        "sessions": 2,
        "moles": moles,
        "megapixels": megapixels,
        "difficulty": difficulty,
        "absent": absent,
        "seed": seed,
    }
    given = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    made = [sys.executable, "-m", "mel_debug", "synth", str(folder), *given]
    subprocess.run(made, check=True, capture_output=True)
    for truth in folder.rglob(f"*.{ABSENT}.json"):
        truth.unlink()  # no help, even by mistake
    return folder


def unmark(photo: Path, uuids: set[str] | None) -> list[object]:
    """Remove marks of these moles, or all, from a moles file; returns the remaining entries."""
    entries = json.loads(marks_path(photo).read_text())
    left = [e for e in entries if uuids is not None and e["uuid"] not in uuids]
    marks_path(photo).write_text(text_of(left) + "\n")
    return left


@contextmanager
def workplace() -> Iterator[Path]:
    """Yield a folder for the run, with its own feature cache."""
    with tempfile.TemporaryDirectory() as name:
        os.environ[CACHE] = str(Path(name, "cache"))
        yield Path(name)


if __name__ == "__main__":
    main()
