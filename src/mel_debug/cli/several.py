"""Options that take several extractors, matchers, presets and sizes, to compare them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mel_debug.cli.completion import installed
from mel_debug.cli.options import model_options, stage_option

if TYPE_CHECKING:
    from mel_debug.evaluation.configurations import Configuration

Command = TypeVar("Command", bound=Callable[..., Any])

labelled_folder = click.Path(exists=True, file_okay=False, path_type=Path)

_SEVERAL = (
    click.option(
        "--extractor",
        "extractors",
        multiple=True,
        metavar="NAME",
        shell_complete=installed("extractors"),
        help="Any extractor that `mel-debug plugins` lists. Repeatable.  [default: dinov3-base]",
    ),
    click.option(
        "--image-size",
        "image_sizes",
        type=click.IntRange(min=1),
        multiple=True,
        metavar="N",
        help="Fit photos to N pixels. Repeatable.  [default: the extractor's own]",
    ),
    click.option(
        "--preset",
        "presets",
        multiple=True,
        metavar="NAME",
        shell_complete=installed("presets"),
        help="A matcher with its options; `mel-debug plugins` lists presets. Repeatable.  "
        "[default: the extractor's own]",
    ),
    click.option(
        "--matcher",
        "--similarity",
        "matchers",
        multiple=True,
        metavar="NAME",
        shell_complete=installed("matchers"),
        help="Any matcher that `mel-debug plugins` lists. Repeatable.  [default: the preset's]",
    ),
    *model_options,
    click.option(
        "--refine",
        is_flag=True,
        help="Look again at native resolution around the mole and the match.",
    ),
    stage_option,
)


_STATE = (
    click.option(
        "--restart",
        is_flag=True,
        help="Search everything again instead of going on where the last run stopped.",
    ),
    click.option(
        "--state",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Where to keep what is finished.  [default: a file of your state folder]",
    ),
)


def state_options(command: Command) -> Command:
    """Where an evaluation keeps what is finished, and whether it begins anew."""
    for option in reversed(_STATE):
        command = option(command)
    return command


def several_options(command: Command) -> Command:
    """The options that choose configurations; `configurations_from` takes what they give."""
    for option in reversed(_SEVERAL):
        command = option(command)
    return command


def configurations_from(
    *,
    extractors: tuple[str, ...],
    matchers: tuple[str, ...],
    presets: tuple[str, ...],
    image_sizes: tuple[int, ...],
    stage_options: tuple[tuple[str, str], ...],
    **others: Any,
) -> "list[Configuration]":
    """Every combination asked for. Raises UsageError.

    Nothing is taken from the feature cache: the time of describing photos is one of the measures.
    """
    from mel_debug.evaluation.configurations import product_of
    from mel_debug.plugins.config import RunConfig

    wanted = RunConfig(stage_options=dict(stage_options), no_cache=True, **others)
    return product_of(
        wanted, extractors=extractors, matchers=matchers, presets=presets, image_sizes=image_sizes
    )
