"""`mel-debug precalc`: fill the feature cache for many photos."""

import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.options import (
    extractor_options,
    no_mask_option,
    photo_or_folder,
    show_progress,
    stage_option,
)

if TYPE_CHECKING:
    from mel_debug.featurecache.features import CachedFeatures
    from mel_debug.featurecache.fill import Bad, Missing


@click.command("precalc")
@click.argument("places", metavar="PHOTO_OR_DIR...", type=photo_or_folder, nargs=-1, required=True)
@extractor_options
@stage_option
@no_mask_option
def command(
    places: tuple[Path, ...],
    *,
    no_mask: bool,
    stage_options: tuple[tuple[str, str], ...],
    **stages: Any,
) -> None:
    """Describe photos now, so that later commands need not.

    Takes what makes a feature as `mel-debug dino3-map` does: give the same extractor, size, windows
    and weights to both. Folders are searched for photos, also inside; of a mel repository those
    under rotomaps/parts. What the cache has already is left alone, so a run that was stopped can be
    started again.
    """
    from mel_debug.choice import Wanted, choose
    from mel_debug.errors import MelError
    from mel_debug.files.folders import find_photos

    # Any matcher will do: none is used.
    choice = choose(Wanted(matcher="cosine", stage_options=dict(stage_options), **stages))
    features = choice.build_cached_features()
    photos = find_photos(places)
    missing, bad = look_through(features, photos, use_masks=not no_mask)
    present = len(photos) - len(missing) - len(bad)
    described, seconds, worse = describe(features, missing)
    for one in [*bad, *worse]:
        named = one.name in one.reason
        click.echo(one.reason if named else f"{one.name}: {one.reason}", err=True)
    rate = f" ({described / seconds:.2f} photos/s)" if described else ""
    click.echo(f"{described} described{rate}, {present} there already; {features.store.folder}")
    if bad or worse:
        raise MelError(f"{len(bad) + len(worse)} of {len(photos)} photos could not be described")


def look_through(
    features: "CachedFeatures", photos: list[Path], *, use_masks: bool
) -> tuple[list["Missing"], list["Bad"]]:
    """Of which photos the cache has no features, and which are none or can't be read."""
    from mel_debug.featurecache.fill import Missing, find_missing
    from mel_debug.files.photos import read_photo

    named = [(str(path), partial(read_photo, path, use_mask=use_masks)) for path in photos]
    looked = list(show_progress(find_missing(features, named), "looking", len(named)))
    missing = [one for one in looked if isinstance(one, Missing)]
    return missing, [one for one in looked if one is not None and not isinstance(one, Missing)]


def describe(
    features: "CachedFeatures", missing: list["Missing"]
) -> tuple[int, float, list["Bad"]]:
    """Fill the cache and show how fast; gives the number of photos described, seconds, the bad."""
    from mel_debug.featurecache.fill import fill

    if not missing:
        return 0, 0.0, []
    bad: list[Bad] = []
    number = 0
    start = time.perf_counter()
    with click.progressbar(
        length=len(missing),
        label="describing",
        file=sys.stderr,
        show_pos=True,
        item_show_func=lambda rate: rate,
    ) as bar:
        for number, one in enumerate(fill(features, missing), 1):
            bad += [] if one is None else [one]
            bar.update(1, f"{number / (time.perf_counter() - start):.2f} photos/s")
    return number - len(bad), time.perf_counter() - start, bad
