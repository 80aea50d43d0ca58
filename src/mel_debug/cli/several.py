"""Options that take several extractors, matchers, options and image sizes, to compare them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.completion import installed
from mel_debug.cli.options import Command, with_options
from mel_debug.cli.preferences import with_settings
from mel_debug.cli.stage_options import model_options, refine_option

if TYPE_CHECKING:
    from mel_debug.evaluation.configurations import Configuration

labelled_folder = click.Path(exists=True, file_okay=False, path_type=Path)

_SEVERAL = (
    click.option(
        "--extractor",
        "extractors",
        multiple=True,
        metavar="NAME",
        shell_complete=installed("extractors"),
        help="Feature extractor; `mel-debug plugins` lists them. Options and weights may follow in "
        "brackets, as in timm:NAME[layer=-3,weights=PATH]. Repeatable.  [default: dinov3-base]",
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
    click.option(
        "--config",
        "config_file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Compare the configurations of this TOML file: a [[run]] table for each, in which a "
        "list of values stands for as many configurations.",
    ),
    *model_options,
    refine_option,
    click.option(
        "-o",
        "stage_options",
        type=(str, str),
        multiple=True,
        metavar="NAME VALUE",
        help="Set an option of the extractor or matcher; `mel-debug plugins` lists them. "
        "Repeatable; an option that is given several times is compared at each of its values.",
    ),
)


_COMBINED = ("extractors", "matchers", "presets", "image_sizes")


def several_options(command: Command) -> Command:
    """Add the options that select configurations; pass their values to `configurations_from`."""
    return with_options(_SEVERAL, command)


def configurations_from(
    *, stage_options: tuple[tuple[str, str], ...], config_file: Path | None = None, **stages: Any
) -> "list[Configuration]":
    """Return every combination of the given stages, options and image sizes, or those of a file.

    The feature cache is not used, because the time of feature extraction is measured. What is left
    open is filled in from the settings, but not for a file. Raises UsageError.
    """
    from mel_debug.core.errors import UsageError
    from mel_debug.evaluation.config_file import runs_of
    from mel_debug.evaluation.configurations import grid_of, product_of, unique
    from mel_debug.plugins.config import RunConfig

    if config_file is not None:
        if stage_options or any(stages[name] for name in _COMBINED):
            raise UsageError(
                "`config` has the extractors, matchers, presets, image sizes and options; "
                "leave out those of the command"
            )
        others = {name: value for name, value in stages.items() if name not in _COMBINED}
        return unique(runs_of(config_file, RunConfig(no_cache=True, **others)))
    values = with_settings(stages)
    several = {name: values.pop(name) for name in _COMBINED}
    return product_of(RunConfig(no_cache=True, **values), options=grid_of(stage_options), **several)
