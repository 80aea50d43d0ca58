"""`mel-debug precalc`: extract the features of many photos into the cache."""

from pathlib import Path
from typing import Any

import click

from mel_debug.builtin.defaults import PLAIN_MATCHER
from mel_debug.cli.options import (
    no_mask_option,
    photo_or_folder,
    worker_options,
)
from mel_debug.cli.preferences import with_settings
from mel_debug.cli.stage_options import (
    extractor_options,
    stage_option,
)
from mel_debug.console.progress import show_progress
from mel_debug.console.terminal import echo_line


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
    """Extract the features of photos in advance.

    Later commands then start faster. Give the same extractor, size, windows and weights as to the
    later command: features are cached for each combination. Folders are searched recursively for
    photos; in a mel repository only rotomaps/parts is searched. Photos that are cached already are
    skipped, so a run that was stopped can simply be repeated.
    """
    from mel_debug.core.errors import MelError
    from mel_debug.jobs.precalc import precalculate
    from mel_debug.plugins.config import RunConfig

    # No matcher is used; this one has few requirements.
    values = with_settings(stages)
    config = RunConfig(matcher=PLAIN_MATCHER, stage_options=dict(stage_options), **values)
    result = precalculate(
        config, places, show_progress, use_masks=not no_mask, jobs=jobs, scheduler=scheduler
    )
    new, cached, failed = result.extracted.new, result.extracted.cached, result.extracted.failed
    for failure in failed:
        named = failure.name in failure.reason
        echo_line(failure.reason if named else f"{failure.name}: {failure.reason}", err=True)
    rate = f" ({new / result.seconds:.2f} photos/s)" if new else ""
    echo_line(f"{new} extracted{rate}, {cached} already cached; {result.folder}")
    if failed:
        total = new + cached + len(failed)
        raise MelError(f"{len(failed)} of {total} photos could not be used; all others are done")
