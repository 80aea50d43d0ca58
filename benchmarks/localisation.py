"""Localisation error, share of moles found and speed of several methods.

    python benchmarks/localisation.py m1 PATH         all queries of a labelled pair, both ways
    python benchmarks/localisation.py generated       generated pairs of known truth
    python benchmarks/localisation.py moles           the time for many moles and for one
    python benchmarks/localisation.py cold PATH       one command from a cold start: time, memory
    python benchmarks/localisation.py turns           rotated and scaled targets

PATH is a folder with marked photos in `mel`'s layout. Errors are in native pixels of the target.
"""

import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from mel_debug.core.geometry import Point
from mel_debug.core.types import Photo
from mel_debug.files.marks import marks_path, read_moles
from mel_debug.files.photos import read_photo
from mel_debug.matching.locate import locate
from mel_debug.plugins.config import RunConfig, resolve
from mel_debug.synth import plan_pair, render
from mel_debug.synth.saved import marks_text, photo_files, write_new_files
from tables import machine, show

XFEAT = RunConfig(extractor="xfeat", no_cache=True)

METHODS = {
    "single patch": replace(XFEAT, matcher="cosine", stage_options={"place": "centre"}),
    "fast": replace(XFEAT, preset="fast"),
    "fast, refined": replace(XFEAT, preset="fast", refine=True),
    "default": XFEAT,
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photos and the positions in each of the moles they share, by uuid."""

    source: Photo
    target: Photo
    moles: Mapping[str, tuple[Point, Point]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Errors in pixels by uuid of one method on one pair, and the seconds for all moles."""

    errors: Mapping[str, float]
    seconds: float


class Method:
    """A built method; photos are decoded before timing starts."""

    def __init__(self, wanted: RunConfig) -> None:
        choice = resolve(wanted)
        self.features, self.matcher = choice.build_features(), choice.build_matcher()

    def run(self, pair: Pair) -> Outcome:
        for photo in (pair.source, pair.target):
            _ = photo.pixels, photo.mask
        start = time.perf_counter()
        sightings = {uuid: [(pair.source, here)] for uuid, (here, _) in pair.moles.items()}
        located = locate(sightings, pair.target, self.features, self.matcher)
        seconds = time.perf_counter() - start
        errors = {
            match.uuid: match.best.distance_to(pair.moles[match.uuid][1])
            for match in located.matches
        }
        return Outcome(errors, seconds)


def labelled_pairs(folder: Path) -> Iterator[Pair]:
    """Return every ordered pair of photos in a folder that share marks."""
    paths = sorted(path for path in folder.rglob("*.jpg") if marks_path(path).exists())
    marks = {path: {mole.uuid: mole.point for mole in read_moles(path)} for path in paths}
    for source, target in itertools.permutations(paths, 2):
        shared = [uuid for uuid in marks[source] if uuid in marks[target]]
        if shared:
            moles = {uuid: (marks[source][uuid], marks[target][uuid]) for uuid in shared}
            yield Pair(read_photo(source), read_photo(target), moles)


def generated_pair(
    folder: Path, seed: int, *, megapixels: float, moles: int, difficulty: float, **forced: Any
) -> Pair:
    """Return a pair of generated photos, written as JPEG and read back, with the exact truth."""
    body, first, second = plan_pair(
        seed, megapixels=megapixels, moles=moles, difficulty=difficulty, **forced
    )
    shown = [render(body, first, 0), render(body, second, 1)]
    paths = [folder / f"{seed}-{number}-{len(list(folder.iterdir()))}.jpg" for number in (0, 1)]
    for path, photo in zip(paths, shown, strict=True):
        write_new_files(photo_files(path, photo) | {marks_path(path): marks_text(photo.moles)})
    there = [{mole.uuid: Point(mole.x, mole.y) for mole in photo.moles} for photo in shown]
    shared = {uuid: (there[0][uuid], there[1][uuid]) for uuid in there[0] if uuid in there[1]}
    return Pair(read_photo(paths[0]), read_photo(paths[1]), shared)


def summary(name: str, outcomes: list[Outcome]) -> list[object]:
    """Return a row: counts within distances, median, 95th percentile, seconds per pair."""
    errors = sorted(error for outcome in outcomes for error in outcome.errors.values())
    within = [f"{sum(e <= px for e in errors) / len(errors):.1%}" for px in (2, 10, 20, 50)]
    seconds = statistics.median(outcome.seconds for outcome in outcomes)
    return [name, len(errors), *within, statistics.median(errors), _high(errors), seconds]


HEAD = ("method", "queries", "<=2 px", "<=10 px", "<=20 px", "<=50 px", "median", "95 %", "s/pair")


def _high(errors: list[float]) -> float:
    return errors[min(len(errors) - 1, int(0.95 * len(errors)))]


@click.group()
def main() -> None:
    """Measure localisation."""
    click.echo(machine())


@main.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
def m1(folder: Path) -> None:
    """Print the error of every query of the labelled photos in FOLDER."""
    rows = []
    for name, wanted in METHODS.items():
        method = Method(wanted)
        outcomes = [method.run(pair) for pair in labelled_pairs(folder)]
        errors = [round(error) for outcome in outcomes for error in outcome.errors.values()]
        seconds = sum(outcome.seconds for outcome in outcomes) / len(outcomes)
        close = sum(error <= 20 for error in errors)
        rows.append([name, *errors, close, statistics.median(errors), seconds])
    head = ["method", *(f"q{number}" for number in range(1, len(rows[0]) - 3))]
    show("errors in native pixels", [*head, "<=20 px", "median", "s/pair"], rows)


@main.command()
@click.option("--pairs", default=10)
@click.option("--moles", default=30)
@click.option("--megapixels", default=12.0)
@click.option("--difficulty", default=0.5)
@click.option("--first-seed", default=1000)
def generated(
    pairs: int, moles: int, megapixels: float, difficulty: float, first_seed: int
) -> None:
    """Measure generated pairs that differ in perspective, bending, light, blur and JPEG."""
    methods = {name: Method(METHODS[name]) for name in ("single patch", "fast", "default")}
    outcomes: dict[str, list[Outcome]] = {name: [] for name in methods}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first_seed, first_seed + pairs):
            pair = generated_pair(
                Path(folder), seed, megapixels=megapixels, moles=moles, difficulty=difficulty
            )
            for name, method in methods.items():
                outcomes[name].append(method.run(pair))
            click.echo(f"seed {seed}: {len(pair.moles)} queries", err=True)
    rows = [summary(name, found) for name, found in outcomes.items()]
    show(f"{pairs} generated pairs of {megapixels:g} MP, difficulty {difficulty}", HEAD, rows)


@main.command()
@click.option("--megapixels", default=12.0)
@click.option("--runs", default=3)
def moles(megapixels: float, runs: int) -> None:
    """Time 30 moles of one pair and a single one; photos are decoded before."""
    method = Method(METHODS["default"])
    with tempfile.TemporaryDirectory() as folder:
        pair = generated_pair(
            Path(folder), 1, megapixels=megapixels, moles=38, difficulty=0.3, absent=0.0
        )
        times: dict[int, list[float]] = {1: [], 30: []}
        for _ in range(runs):
            for count, found in times.items():
                some = dict(itertools.islice(pair.moles.items(), count))
                if len(some) < count:
                    raise click.ClickException(f"the pair shares only {len(some)} moles")
                found.append(method.run(Pair(pair.source, pair.target, some)).seconds)
    one, many = (statistics.median(found) for found in times.values())
    show("time by moles", ("moles", "seconds", "ratio"), [(1, one, 1.0), (30, many, many / one)])


COLD = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], check=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
print(time.perf_counter() - start, peak)
"""


@main.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--runs", default=3)
def cold(folder: Path, runs: int) -> None:
    """Measure `dino3-map --extractor xfeat` on the first pair in FOLDER: wall time, peak memory."""
    pair = next(labelled_pairs(folder))
    uuid = next(iter(pair.moles))
    rows = []
    with tempfile.TemporaryDirectory() as output:
        command = [sys.executable, "-m", "mel_debug", "dino3-map", f"{output}/found.jpg"]
        command += [pair.target.name, uuid, pair.source.name, "--extractor", "xfeat", "--no-cache"]
        for run in range(runs):
            measured = subprocess.run(
                [sys.executable, "-c", COLD, *command], check=True, capture_output=True, text=True
            )
            seconds, gigabytes = map(float, measured.stdout.splitlines()[-1].split())
            rows.append((run + 1, seconds, gigabytes))
    show(f"cold start on {pair.source.size} photos", ("run", "seconds", "peak GB"), rows)


@main.command()
@click.option("--pairs", default=3, help="Generated pairs per angle and scale.")
@click.option("--megapixels", default=12.0)
def turns(pairs: int, megapixels: float) -> None:
    """Measure targets rotated by 0 to 180 degrees and scaled by 0.5 to 2."""
    cases: list[dict[str, float]] = [
        {"rotation": float(angle), "scale": 1.0} for angle in range(0, 181, 30)
    ]
    cases += [{"rotation": 0.0, "scale": scale} for scale in (0.5, 0.7, 1.4, 2.0)]
    methods = {name: Method(METHODS[name]) for name in ("fast", "default")}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            made = [
                generated_pair(
                    Path(folder), seed, megapixels=megapixels, moles=20, difficulty=0.3, **case
                )
                for seed in range(2000, 2000 + pairs)
            ]
            for name, method in methods.items():
                label = f"{case['rotation']:g} deg, x{case['scale']:g}: {name}"
                rows.append(summary(label, [method.run(pair) for pair in made]))
                click.echo(" ".join(map(str, rows[-1])), err=True)
    show("turned and scaled targets", HEAD, rows)


if __name__ == "__main__":
    main()
