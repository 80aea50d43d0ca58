"""Options that take several extractors, matchers, presets and image sizes, to compare them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mel_debug.cli.completion import installed
from mel_debug.cli.options import model_options, stage_option
from mel_debug.cli.preferences import with_settings

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
        help="Feature extractor; `mel-debug plugins` lists them. Repeatable.  "
        "[default: dinov3-base]",
    ),
    click.option(
        "--image-size",
        "image_sizes",
        type=click.IntRange(min=1),
        multiple=True,
        metavar="N",
        help="Scale photos to N pixels along the longer side. Repeatable.  "
        "[default: the extractor's own]",
    ),
    click.option(
        "--preset",
        "presets",
        multiple=True,
        metavar="NAME",
        shell_complete=installed("presets"),
        help="Matcher and options under one name; `mel-debug plugins` lists presets. Repeatable.  "
        "[default: the extractor's own]",
    ),
    click.option(
        "--matcher",
        "--similarity",
        "matchers",
        multiple=True,
        metavar="NAME",
        shell_complete=installed("matchers"),
        help="Matcher; `mel-debug plugins` lists them. Repeatable.  [default: the preset's]",
    ),
    *model_options,
    click.option(
        "--refine",
        is_flag=True,
        help="Search again at native resolution around the mole and the match: slower, but more "
        "exact.",
    ),
    stage_option,
)


_COMBINED = ("extractors", "matchers", "presets", "image_sizes")

_STATE = (
    click.option(
        "--restart",
        is_flag=True,
        help="Repeat finished searches instead of resuming the last run.",
    ),
    click.option(
        "--state",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File that stores finished searches, so that a run can be resumed.  "
        "[default: a file in your state folder]",
    ),
)


def state_options(command: Command) -> Command:
    """Add the options for the file of finished searches and for starting over."""
    for option in reversed(_STATE):
        command = option(command)
    return command


def several_options(command: Command) -> Command:
    """Add the options that select configurations; pass their values to `configurations_from`."""
    for option in reversed(_SEVERAL):
        command = option(command)
    return command


def configurations_from(
    *, stage_options: tuple[tuple[str, str], ...], **stages: Any
) -> "list[Configuration]":
    """Return every combination of the given stages and image sizes. Raises UsageError.

    What is left open is filled in from the settings. The feature cache is not used, because the
    time of feature extraction is measured.
    """
    from mel_debug.evaluation.configurations import product_of
    from mel_debug.plugins.config import RunConfig

    values = with_settings(stages)
    several = {name: values.pop(name) for name in _COMBINED}
    return product_of(
        RunConfig(stage_options=dict(stage_options), no_cache=True, **values), **several
    )
