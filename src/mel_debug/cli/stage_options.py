"""Options that select and configure the stages, and the configuration that they make."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.builtin.defaults import ACCURATE_PRESET, dinov3_name
from mel_debug.cli.completion import installed
from mel_debug.cli.options import Command, photo_or_folder, with_options
from mel_debug.cli.preferences import cache_setting, with_settings
from mel_debug.console.numbers import FiniteRange

if TYPE_CHECKING:
    from mel_debug.plugins.config import RunConfig

DINO_SIZES = ("small", "base", "large", "huge", "7b")

cache_dir_option = click.option(
    "--cache-dir",
    type=click.Path(file_okay=False, path_type=Path),
    callback=cache_setting,
    metavar="DIR",
    help="Folder of the feature cache.  [default: MEL_DEBUG_CACHE, else the platform's cache "
    "folder]",
)

no_cache_option = click.option(
    "--no-cache", is_flag=True, help="Neither read nor write the feature cache."
)

stage_option = click.option(
    "-o",
    "stage_options",
    type=(str, str),
    multiple=True,
    metavar="NAME VALUE",
    help="Set an option of the extractor or matcher in use; `mel-debug plugins` lists them. "
    "Repeatable.",
)

refine_option = click.option(
    "--refine",
    is_flag=True,
    help="Search again at native resolution around the mole and the match: slower, but more exact.",
)

model_options = (
    click.option(
        "--weights",
        type=photo_or_folder,
        metavar="PATH",
        help="Load the model's weights from this checkpoint (.safetensors or .pth), or a folder of "
        "Hugging Face with config.json, instead of downloading them.",
    ),
    click.option(
        "--offline",
        is_flag=True,
        help="Never use the network; fail if weights would have to be downloaded.",
    ),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda", "mps"]),
        default="auto",
        show_default=True,
        help="Device that runs the model; auto selects cuda, else mps, else cpu.",
    ),
    click.option(
        "--runtime",
        type=click.Choice(["auto", "torch", "openvino", "opencv"]),
        default="auto",
        show_default=True,
        help="Library that runs the model. On a CPU, auto selects openvino if it is installed and "
        "can run the model, else opencv for XFeat, else torch. On a GPU it selects torch.",
    ),
    click.option(
        "--precision",
        type=click.Choice(["auto", "f32", "bf16"]),
        default="f32",
        show_default=True,
        help="Number format of the model. f32 gives the same answers on every processor. bf16 is "
        "faster on hardware that supports it, but less exact. auto is bf16 where that was measured "
        "to be faster with nearly the same features, else f32; use it to explore.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(min=1),
        metavar="N",
        help="Run the model on N threads.  [default: the runtime's own, one per core]",
    ),
)

_CHOSEN = "auto, which is DINOv3 if its weights are on this machine, else XFeat"
"""The default extractor of a command whose configuration is `accurate_config`."""


def _extractor_option(default: str) -> Callable[[Command], Command]:
    return click.option(
        "--extractor",
        metavar="NAME",
        shell_complete=installed("extractors"),
        help="Feature extractor; `mel-debug plugins` lists them. Options may follow in brackets, "
        f"as in timm:NAME[layer=-3].  [default: {default}]",
    )


def _preset_option(default: str) -> Callable[[Command], Command]:
    return click.option(
        "--preset",
        metavar="NAME",
        shell_complete=installed("presets"),
        help="Matcher and options under one name; `mel-debug plugins` lists presets.  "
        f"[default: {default}]",
    )


def _dino_size_option(default: str = "") -> Callable[[Command], Command]:
    return click.option(
        "--dino-size",
        type=click.Choice(DINO_SIZES),
        help="Size of the DINOv3 model; short for --extractor dinov3-SIZE. Larger models are "
        f"slower and need more memory.{default}",
    )


_SCALING = (
    click.option(
        "--image-size",
        type=click.IntRange(min=1),
        metavar="N",
        help="Scale photos to N pixels along the longer side, a multiple of the extractor's patch. "
        "Use a larger N if moles are only a few pixels wide; it takes longer.  "
        "[default: the extractor's own, 896 for DINOv3]",
    ),
    click.option(
        "--window",
        type=click.IntRange(min=1),
        metavar="N",
        help="Extract features in overlapping windows of N x N pixels, at full resolution unless "
        "--image-size is given. Use it for small moles in large photos.",
    ),
    click.option(
        "--overlap",
        type=FiniteRange(0, 0.9),
        metavar="F",
        help="Fraction of a window that overlaps the next one.  [default: 0.25]",
    ),
)

_CACHE = (cache_dir_option, no_cache_option)

_MATCHER = (
    click.option(
        "--matcher",
        "--similarity",
        "matcher",
        metavar="NAME",
        shell_complete=installed("matchers"),
        help="Matcher; `mel-debug plugins` lists them.  [default: the preset's, else cosine]",
    ),
    click.option(
        "--pool",
        type=click.IntRange(min=1),
        metavar="N",
        help="Average the mole's feature vector over N x N cells, N odd; short for -o pool N.",
    ),
    click.option(
        "--views",
        type=click.Choice(["mean", "best"]),
        help="With several source photos: search with their mean feature vector, or score each "
        "cell by its best match among them. Short for -o views NAME.",
    ),
    refine_option,
    stage_option,
)


def extractor_options(command: Command) -> Command:
    """Add the options that select and configure a feature extractor."""
    size, name = _dino_size_option("  [default: base]"), _extractor_option(dinov3_name())
    return with_options((size, name, *_SCALING, *model_options, *_CACHE), command)


def matcher_options(command: Command) -> Command:
    """Add the options that select and configure a matcher."""
    preset = _preset_option("the extractor's own; none for DINOv3")
    return with_options((preset, *_MATCHER), command)


def accurate_options(command: Command) -> Command:
    """Add the options of both, for a command that passes their values to `accurate_config`."""
    names = (_dino_size_option(), _extractor_option(_CHOSEN), *_SCALING, *model_options, *_CACHE)
    return with_options((*names, _preset_option(ACCURATE_PRESET), *_MATCHER), command)


def find_options(command: Command) -> Command:
    """Add the few of them that `find` has; their values too are passed to `accurate_config`."""
    names = (_extractor_option(_CHOSEN), _preset_option(ACCURATE_PRESET))
    return with_options((*names, *model_options, *_CACHE), command)


def config_from(
    stage_options: tuple[tuple[str, str], ...] = (),
    *,
    pool: int | None = None,
    views: str | None = None,
    **others: Any,
) -> "RunConfig":
    """Return the RunConfig of the options that a command has for its stages.

    What they leave open is filled in from the settings.
    """
    from mel_debug.plugins.config import RunConfig

    others = with_settings(others)
    given = dict(stage_options)
    if pool is not None:
        given["pool"] = str(pool)
    if views is not None:
        given["views"] = views
    return RunConfig(stage_options=given, **others)
