"""Photos per second with one worker and with two, and an estimate for many photos.

    python benchmarks/scaling.py [--photos N] [--megapixels M] [--extractor NAME] [--weights FILE]
        [--image-size N]

A few photos are generated and copied with different bytes after their end, so that the cache treats
each as a new photo. Workers are warmed up before timing starts, as a long run starts them once.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import click

from mel_debug.cache.fill import Missing, fill, find_missing
from mel_debug.cache.location import size_text
from mel_debug.core.errors import MelError
from mel_debug.files.discovery import find_photos
from mel_debug.files.photos import read_photo
from mel_debug.jobs.executors import open_executor
from mel_debug.jobs.extraction import ExtractionTask, extract_to_cache
from mel_debug.jobs.results import Failed
from mel_debug.jobs.stream import stream
from mel_debug.jobs.threads import threads_for
from mel_debug.jobs.workers import Workers
from mel_debug.plugins.config import RunConfig, resolve
from mel_debug.synth.repository import begin_repository, plan_repository
from tables import machine, show

WARM_UP = 6
"""Photos processed before timing starts: several per worker."""

MANY = (1_000, 100_000, 10_000_000)
AT_ONCE = (1, 2, 100)
"""Numbers of workers in the estimate; only one and two are measured."""

Photos = list[Path]


@dataclass(frozen=True)
class Searcher:
    """Photos for warm-up and measurement, and the features to extract from them."""

    wanted: RunConfig
    warm_up: Photos
    photos: Photos
    folder: Path

    def with_cache(self, name: str) -> RunConfig:
        """Return the configuration, with its own cache that is never pruned."""
        cache = self.folder / name
        return replace(self.wanted, cache_dir=cache, cache_bytes=10**13).portable()


def copies(folder: Path, photos: int, megapixels: float) -> Photos:
    """Write copies of generated photos under different names and with different content."""
    planned = plan_repository(
        folder / "made",
        7,
        photos=3,
        sessions=2,
        moles=12,
        megapixels=megapixels,
        difficulty=0.5,
        absent=0.2,
    )
    begin_repository(folder / "made")
    for photo in planned:
        photo.write()
    made = [path.read_bytes() for path in find_photos([folder / "made"])]
    paths = [folder / f"{number:05}.jpg" for number in range(photos)]
    for number, path in enumerate(paths):
        path.write_bytes(made[number % len(made)] + str(number).encode())
    return paths


def here(searcher: Searcher) -> float:
    """Return photos per second in this process, with decoding ahead as in `mel-debug precalc`."""
    features = resolve(searcher.with_cache("here")).build_cached_features()

    def filled(paths: Photos) -> float:
        start = time.perf_counter()
        looked = list(
            find_missing(features, [(str(path), partial(read_photo, path)) for path in paths])
        )
        missing = [one for one in looked if isinstance(one, Missing)]
        if [bad for bad in fill(features, missing) if bad is not None] or len(missing) < len(paths):
            raise MelError("a generated photo could not be described")
        return len(paths) / (time.perf_counter() - start)

    filled(searcher.warm_up)
    return filled(searcher.photos)


def handed_out(searcher: Searcher, name: str, workers: Workers) -> float:
    """Return photos per second with workers."""
    wanted = searcher.with_cache(name)

    def done(paths: Photos) -> float:
        start = time.perf_counter()
        tasks = (ExtractionTask(wanted, path.absolute(), str(path)) for path in paths)
        for outcome in stream(workers, extract_to_cache, tasks):
            if isinstance(outcome, Failed):
                raise MelError(outcome.reason)
        return len(paths) / (time.perf_counter() - start)

    done(searcher.warm_up)
    return done(searcher.photos)


@contextmanager
def dask(workers: int) -> Iterator[Workers]:
    """Start a local cluster of processes with one thread each, as the README describes."""
    from distributed import LocalCluster

    with ExitStack() as stack:
        cluster = stack.enter_context(
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
            )
        )
        yield stack.enter_context(open_executor(scheduler=cluster.scheduler_address))


def measured(searcher: Searcher) -> dict[str, float]:
    """Return photos per second by number of workers."""
    rates = {"this process, all cores": here(searcher)}
    with open_executor(2) as workers:
        rates[f"--jobs 2 x {threads_for(2)} thread"] = handed_out(searcher, "jobs", workers)
    for number in (1, 2):
        with dask(number) as workers:
            rates[f"Dask, {number} x 1 thread"] = handed_out(searcher, f"dask{number}", workers)
    return rates


def span(seconds: float) -> str:
    """Return a duration in the largest suitable unit."""
    for unit, length in (("years", 31_557_600), ("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length or (unit == "h" and seconds >= length):
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


@click.command()
@click.option("--photos", default=40, show_default=True, type=click.IntRange(min=2))
@click.option("--megapixels", default=12.0, show_default=True)
@click.option("--extractor", default="xfeat", show_default=True)
@click.option("--weights", type=click.Path(exists=True, path_type=Path))
@click.option("--image-size", type=int)
def main(
    photos: int, megapixels: float, extractor: str, weights: Path | None, image_size: int | None
) -> None:
    """Print two tables: the measurements, and the estimate for many photos."""
    wanted = RunConfig(extractor, matcher="cosine", weights=weights, image_size=image_size)
    with tempfile.TemporaryDirectory() as folder:
        paths = copies(Path(folder), WARM_UP + photos, megapixels)
        searcher = Searcher(wanted, paths[:WARM_UP], paths[WARM_UP:], Path(folder))
        try:
            rates = measured(searcher)
        except MelError as error:
            raise click.ClickException(str(error)) from error
        entries = resolve(searcher.with_cache("here")).cache
        assert entries is not None
        kept = sum(entry.size for entry in entries.entries()) / len(paths)
        read = sum(path.stat().st_size for path in paths) / len(paths)
    one, two = rates["Dask, 1 x 1 thread"], rates["Dask, 2 x 1 thread"]
    click.echo(machine())
    show(
        f"{photos} photos of {megapixels:g} megapixels, {extractor}",
        ("where", "photos/s", "against one worker"),
        [(where, rate, rate / one) for where, rate in rates.items()],
    )
    by_workers = {1: one, 2: two, 100: 50 * two}
    show(
        "extrapolated; for 100 workers as if each pair were as fast as this one, and files with it",
        ("photos", *(f"{count} workers" for count in AT_ONCE), "to read", "cache"),
        [
            (
                f"{count:,}",
                *(span(count / by_workers[number]) for number in AT_ONCE),
                size_text(int(read * count)),
                size_text(int(kept * count)),
            )
            for count in MANY
        ],
    )


if __name__ == "__main__":
    main()
