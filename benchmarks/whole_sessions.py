"""Tables for `speed.py`: `automark3` over a generated session, and its report of many marks."""

import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from mel_debug.automark.decision import Decision, Outcome
from mel_debug.automark.report import Report
from mel_debug.automark.runner import TargetResult
from mel_debug.automark.search import Setup
from mel_debug.automark.targets import Plan, Reference, Target
from mel_debug.core.geometry import Point
from mel_debug.files.discovery import find_photos
from mel_debug.files.photos import read_photo
from mel_debug.jobs.threads import LIMITS
from mel_debug.plugins.config import RunConfig
from mel_debug.synth.repository import begin_repository, plan_repository
from processes import Run, in_turn, python, run, spread
from tables import show

PARTS, MOLES, MEGAPIXELS = 4, 11, 4.0
"""The session: parts of the body with one reference and one target each, and moles on each."""

ONE_THREAD = "1 job of 1 thread"

MARKS = 100


def sessions(folder: Path, rounds: int) -> None:
    """Time `automark3` over four references and four targets, which are four pairs.

    XFeat, `accurate`. Cold has an empty cache; warm has all that earlier runs keep. One job may use
    every core; jobs and Dask's workers have one thread each, and so has one job of one thread,
    with which they are compared.
    """
    references, targets = _generated(folder / "session")
    base = python("-m", "mel_debug", "automark3", "--extractor", "xfeat", "--dry-run")
    # Folders, as photos given by name are references of every part.
    for option, photos in (("--reference", references), ("--target", targets)):
        base += [option, *(str(photo.parent) for photo in photos)]
    base += ["--extra-stem", "auto"]  # the targets' true marks are not read
    with ExitStack() as stack:
        ways = {"1 job": [], ONE_THREAD: ["--threads", "1"], "2 jobs": ["--jobs", "2"]}
        if find_spec("distributed"):
            address = stack.enter_context(dask_cluster(2))
            ways["Dask, 2 workers"] = ["--scheduler", address]
        runs = _runs_in_turn(folder, base, ways, rounds)
    middle = {name: statistics.median(one.seconds for one in done) for name, done in runs.items()}
    rows = []
    for (way, state), done in runs.items():
        median, *rest = spread([one.seconds for one in done])
        busy = statistics.median(one.busy for one in done)
        rows.append((
            f"{state}, {way}", median, *rest, median / middle[way, "cold"],
            middle[ONE_THREAD, state] / median, "" if way.startswith("Dask") else busy,
            max(one.megabytes for one in done),
        ))  # fmt: skip
    head = ("what", "median", "min", "max", "of cold", "times one thread", "processor s",
            "peak MB of a process")  # fmt: skip
    show(f"automark3, {PARTS} x {PARTS} photos of {MEGAPIXELS:g} megapixels", head, rows)


def _runs_in_turn(
    folder: Path, base: list[str], ways: dict[str, list[str]], rounds: int
) -> dict[tuple[str, str], list[Run]]:
    """Run a command in several ways, each cold and then warm, in turn."""
    runs: dict[tuple[str, str], list[Run]] = {}
    for _ in range(rounds):
        for number, (way, how) in enumerate(ways.items()):
            cache = folder / f"cache-{number}"
            shutil.rmtree(cache, ignore_errors=True)
            env = dict.fromkeys(LIMITS, "1") if way == ONE_THREAD else None
            for state in ("cold", "warm"):
                done = run([*base, *how, "--cache-dir", str(cache)], env)
                runs.setdefault((way, state), []).append(done)
    return runs


@contextmanager
def dask_cluster(workers: int) -> Iterator[str]:
    """Start a local cluster of processes of one thread each; yields its scheduler's address."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
    ) as cluster:
        yield cluster.scheduler_address


def report(folder: Path, source: Path, target: Path, rounds: int) -> None:
    """Time the report of 100 marks of one pair, and weigh it."""
    rng = np.random.default_rng(0)
    places = [
        {
            f"{number:032x}": Point(*map(float, rng.uniform((0.1, 0.1), (0.9, 0.9)) * size))
            for number in range(MARKS)
        }
        for size in (
            (one.width, one.height) for one in (read_photo(p).size for p in (source, target))
        )
    ]
    reference = Reference(source, places[0], frozenset(places[0]))
    marked = Target(target, (), (reference,))
    decisions = tuple(
        Decision(uuid, Outcome.ADDED, "its confidence is high enough", place, 0.9, (source,))
        for uuid, place in places[1].items()
    )
    setup = Setup.of(RunConfig(extractor="xfeat", cache_dir=folder / "cache"))
    place = folder / "report"

    def drawn() -> float:
        start = time.perf_counter()
        written = Report(place, Plan((marked,)), setup)
        written.add(TargetResult(marked, decisions))
        written.finish("")
        return time.perf_counter() - start

    (times,) = in_turn(rounds, drawn)
    median, least, most = spread(times)
    size = sum(path.stat().st_size for path in place.iterdir())
    page = (place / "index.html").stat().st_size
    row = (f"{MARKS} marks", median, least, most, 1000 * median / MARKS, size / MARKS / 1000,
           page / 1000)  # fmt: skip
    head = ("report", "median s", "min", "max", "ms a mark", "kB a mark", "page kB")
    show(f"automark3 --report, two photos of {read_photo(target).size} pixels", head, [row])


def _generated(folder: Path) -> tuple[list[Path], list[Path]]:
    """Write the session; returns the photos of its first day and of its second."""
    planned = plan_repository(
        folder,
        7,
        photos=PARTS,
        sessions=2,
        moles=MOLES,
        megapixels=MEGAPIXELS,
        difficulty=0.5,
        absent=0.2,
    )
    begin_repository(folder)
    for photo in planned:
        photo.write()
    days = sorted({photo.parent.name for photo in find_photos([folder])})
    first, second = (
        [photo for photo in find_photos([folder]) if photo.parent.name == day] for day in days
    )
    return first, second
