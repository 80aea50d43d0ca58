"""`mel-debug precalc`: fill the feature cache for many photos."""

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mel_debug.cli.options import (
    extractor_options,
    no_mask_option,
    photo_or_folder,
    stage_option,
    worker_options,
)
from mel_debug.console.terminal import echo_line, show_progress

if TYPE_CHECKING:
    from mel_debug.cache.features import CachedFeatures
    from mel_debug.cache.fill import Bad
    from mel_debug.cache.store import FileStore
    from mel_debug.jobs.workers import Workers
    from mel_debug.plugins.config import RunConfig

T = TypeVar("T")

MANY = 100
"""Photos from which on it is worth a line that the cache is too small for all of them."""


@dataclass(slots=True)
class Tally:
    """What became of the photos so far; `seconds` is what the described ones took."""

    described: int = 0
    present: int = 0
    seconds: float = 0.0
    bad: "list[Bad]" = field(default_factory=list)


@click.command("precalc")
@click.argument("places", metavar="PHOTO_OR_DIR...", type=photo_or_folder, nargs=-1, required=True)
@extractor_options
@stage_option
@no_mask_option
@worker_options
def command(
    places: tuple[Path, ...],
    *,
    no_mask: bool,
    jobs: int,
    scheduler: str | None,
    stage_options: tuple[tuple[str, str], ...],
    **stages: Any,
) -> None:
    """Describe photos now, so that later commands need not.

    Takes what makes a feature as `mel-debug dino3-map` does: give the same extractor, size, windows
    and weights to both. Folders are searched for photos, also inside; of a mel repository those
    under rotomaps/parts. What the cache has already is left alone, so a run that was stopped can be
    started again.
    """
    from mel_debug.core.errors import MelError
    from mel_debug.files.discovery import find_photos
    from mel_debug.jobs.executors import check_workers, open_executor
    from mel_debug.plugins.config import RunConfig, resolve

    check_workers(jobs, scheduler)
    # Any matcher will do: none is used.
    wanted = RunConfig(matcher="cosine", stage_options=dict(stage_options), **stages)
    features = resolve(wanted).build_cached_features()
    photos = find_photos(places)
    if jobs == 1 and scheduler is None:
        tally = fill_here(features, photos, use_masks=not no_mask)
    else:
        with open_executor(jobs, scheduler) as workers:
            tally = fill_elsewhere(workers, wanted, features, photos, use_masks=not no_mask)
    for one in tally.bad:
        named = one.name in one.reason
        echo_line(one.reason if named else f"{one.name}: {one.reason}", err=True)
    rate = f" ({tally.described / tally.seconds:.2f} photos/s)" if tally.described else ""
    there = f"{tally.present} there already; {features.store.folder}"
    echo_line(f"{tally.described} described{rate}, {there}")
    if tally.bad:
        raise MelError(f"{len(tally.bad)} of {len(photos)} photos could not be described")


def fill_here(features: "CachedFeatures", photos: list[Path], *, use_masks: bool) -> Tally:
    """Look through all photos, then describe what is missing, in this process."""
    from mel_debug.cache.fill import Missing, fill, find_missing
    from mel_debug.files.photos import read_photo

    named = [(str(path), partial(read_photo, path, use_mask=use_masks)) for path in photos]
    looked = list(show_progress(find_missing(features, named), "looking", len(named)))
    missing = [one for one in looked if isinstance(one, Missing)]
    bad = [one for one in looked if one is not None and not isinstance(one, Missing)]
    tally = Tally(present=len(photos) - len(missing) - len(bad), bad=bad)
    if not missing:
        return tally
    start = time.perf_counter()
    for one in with_rate(fill(features, missing), len(missing)):
        if one is None:
            tally.described += 1
            warn_if_small(features.store, len(photos), tally)
        else:
            tally.bad.append(one)
    tally.seconds = time.perf_counter() - start
    return tally


def fill_elsewhere(
    workers: "Workers",
    wanted: "RunConfig",
    features: "CachedFeatures",
    photos: list[Path],
    *,
    use_masks: bool,
) -> Tally:
    """Hand the photos out: whoever gets one looks it up, and describes it if it is missing."""
    from mel_debug.cache.fill import Bad
    from mel_debug.jobs.extraction import Describe, describe
    from mel_debug.jobs.portable import portable
    from mel_debug.jobs.results import Failed
    from mel_debug.jobs.stream import stream

    sent, identity = portable(wanted), features.extractor.identity()
    tasks = (Describe(sent, path.absolute(), str(path), use_masks, identity) for path in photos)
    tally = Tally()
    start = time.perf_counter()
    for outcome in with_rate(stream(workers, describe, tasks), len(photos)):
        if isinstance(outcome, Failed):
            tally.bad.append(Bad(outcome.item.name, outcome.reason))
        elif outcome.result:
            tally.described += 1
            warn_if_small(features.store, len(photos), tally)
        else:
            tally.present += 1
    tally.seconds = time.perf_counter() - start
    order = {str(path): number for number, path in enumerate(photos)}
    tally.bad.sort(key=lambda bad: order[bad.name])
    return tally


def with_rate(outcomes: Iterable[T], length: int) -> Iterable[T]:
    """Outcomes one by one, with a progress bar that shows photos a second and the time left."""
    start = time.perf_counter()
    with click.progressbar(
        length=length,
        label="describing",
        file=sys.stderr,
        show_pos=True,
        item_show_func=lambda rate: rate,
    ) as bar:
        for number, outcome in enumerate(outcomes, 1):
            yield outcome
            bar.update(1, f"{number / (time.perf_counter() - start):.2f} photos/s")


def warn_if_small(store: "FileStore", photos: int, tally: Tally) -> None:
    """Tell once, at the first photo described, if the cache can't hold so many of its kind."""
    from mel_debug.cache.location import SIZE, size_text

    if tally.described != 1 or photos < MANY:
        return
    newest = store.entries()[-1:]
    size = newest[0].size if newest else store.most_bytes + 1  # too large to be kept at all
    if size * photos > store.most_bytes:
        click.echo(
            f"warning: {photos} photos like the first take {size_text(size * photos)} or more, "
            f"but the cache keeps {size_text(store.most_bytes)} and forgets the rest; set {SIZE}",
            err=True,
        )
