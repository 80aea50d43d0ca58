"""Options and arguments that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mel_debug.cli.completion import installed
from mel_debug.console.numbers import FiniteRange

if TYPE_CHECKING:
    from mel_debug.plugins.config import RunConfig

Command = TypeVar("Command", bound=Callable[..., Any])
T = TypeVar("T")

DINO_SIZES = ("small", "base", "large", "huge", "7b")

photo_file = click.Path(exists=True, dir_okay=False, path_type=Path)

photo_or_folder = click.Path(exists=True, path_type=Path)

cache_dir_option = click.option(
    "--cache-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep features here.  [default: MEL_DEBUG_CACHE, else the platform's cache folder]",
)

stage_option = click.option(
    "-o",
    "stage_options",
    type=(str, str),
    multiple=True,
    metavar="NAME VALUE",
    help="Set an option of a chosen stage; `mel-debug plugins` lists them. Repeatable.",
)

model_options = (
    click.option(
        "--weights",
        type=photo_file,
        metavar="PATH",
        help="Load this checkpoint (.safetensors or .pth) instead of downloading.",
    ),
    click.option("--offline", is_flag=True, help="Never touch the network."),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda", "mps"]),
        default="auto",
        show_default=True,
        help="Where to compute; auto takes cuda, else mps, else cpu.",
    ),
    click.option(
        "--runtime",
        type=click.Choice(["auto", "torch", "openvino"]),
        default="auto",
        show_default=True,
        help="What computes; auto takes openvino for DINOv3 on a cpu if installed, else torch.",
    ),
    click.option(
        "--precision",
        type=click.Choice(["auto", "f32", "bf16"]),
        default="auto",
        show_default=True,
        help="auto is f32. bf16 is faster where the processor has it, and less exact.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(min=1),
        metavar="N",
        help="Compute with N threads.  [default: the runtime's own choice, a thread a core]",
    ),
)

_EXTRACTOR = (
    click.option(
        "--dino-size",
        type=click.Choice(DINO_SIZES),
        help="Size of the DINOv3 model: short for --extractor dinov3-SIZE.  [default: base]",
    ),
    click.option(
        "--extractor",
        metavar="NAME",
        shell_complete=installed("extractors"),
        help="Any extractor that `mel-debug plugins` lists.  [default: dinov3-base]",
    ),
    click.option(
        "--image-size",
        type=click.IntRange(min=1),
        metavar="N",
        help="Fit photos to N pixels; a multiple of the extractor's patch.  "
        "[default: the extractor's own, 896 for DINOv3]",
    ),
    click.option(
        "--window",
        type=click.IntRange(min=1),
        metavar="N",
        help="Look through overlapping windows of N pixels, at full resolution unless --image-size "
        "says otherwise.",
    ),
    click.option(
        "--overlap",
        type=FiniteRange(0, 0.9),
        metavar="F",
        help="Share of a window that its neighbour sees too.  [default: 0.25]",
    ),
    *model_options,
    cache_dir_option,
    click.option("--no-cache", is_flag=True, help="Neither read nor keep features."),
)

_MATCHER = (
    click.option(
        "--preset",
        metavar="NAME",
        shell_complete=installed("presets"),
        help="A matcher with its options; `mel-debug plugins` lists presets.  "
        "[default: the extractor's own; none for DINOv3]",
    ),
    click.option(
        "--matcher",
        "--similarity",
        "matcher",
        metavar="NAME",
        shell_complete=installed("matchers"),
        help="Any matcher that `mel-debug plugins` lists.  [default: the preset's, else cosine]",
    ),
    click.option(
        "--pool",
        type=click.IntRange(min=1),
        metavar="N",
        help="Average the mole's vector over N x N cells; odd. Short for -o pool N.",
    ),
    click.option(
        "--views",
        type=click.Choice(["mean", "best"]),
        help="With several sources: search with their mean, or score each cell by the best of "
        "them. Short for -o views NAME.",
    ),
    click.option(
        "--refine",
        is_flag=True,
        help="Then look again at native resolution around the mole and the match.",
    ),
    stage_option,
)


_WORKERS = (
    click.option(
        "--jobs",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Work in N processes of this machine, which share its cores; 1 is this process.",
    ),
    click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Work on a Dask cluster: the address of its scheduler, such as tcp://10.0.0.5:8786 "
        "(extra: cluster).",
    ),
)


def extractor_options(command: Command) -> Command:
    """The options that choose and set up a feature extractor."""
    return _with(_EXTRACTOR, command)


def matcher_options(command: Command) -> Command:
    """The options that choose and set up a matcher."""
    return _with(_MATCHER, command)


def worker_options(command: Command) -> Command:
    """Where the work on many photos is done; both go to `mel_debug.jobs`."""
    return _with(_WORKERS, command)


def _with(options: tuple[Callable[[Command], Command], ...], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def config_from(
    stage_options: tuple[tuple[str, str], ...],
    *,
    pool: int | None,
    views: str | None,
    **others: Any,
) -> "RunConfig":
    """What the options of `extractor_options` and `matcher_options` ask for."""
    from mel_debug.plugins.config import RunConfig

    given = dict(stage_options)
    if pool is not None:
        given["pool"] = str(pool)
    if views is not None:
        given["views"] = views
    return RunConfig(stage_options=given, **others)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
no_mask_option = click.option("--no-mask", is_flag=True, help="Ignore mask files.")

force_option = click.option(
    "--force",
    is_flag=True,
    help="Replace a file that mel-debug did not write. Photos, marks and masks that the command "
    "reads are never replaced.",
)

min_confidence_option = click.option(
    "--min-confidence",
    type=FiniteRange(0, 1),
    default=0.5,
    show_default=True,
    metavar="P",
    help="Below this confidence a match counts as uncertain.",
)
