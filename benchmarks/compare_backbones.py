"""Extractors and matchers compared on labelled photos: accuracy, speed and memory.

    python benchmarks/compare_backbones.py ROOT... [--extractor NAME]... [--similarity NAME]...
        [--weights EXTRACTOR=PATH]... [--plot FILE]

Without --extractor: xfeat, and each size of DINOv3 whose weights are on this machine. Any plugin's
extractor can be named. ROOT is a folder as `mel-debug synth` makes it.
"""

from pathlib import Path

import click

from mel_debug.builtin.extractors.dinov3_sizes import SIZES
from mel_debug.builtin.extractors.hub import cached_weights
from mel_debug.core.errors import MelError
from mel_debug.evaluation.configurations import Configuration, product_of
from mel_debug.evaluation.labelled import labelled_pairs
from mel_debug.evaluation.plots import write_scatter
from mel_debug.evaluation.searches import plan_tasks, run
from mel_debug.evaluation.state import State
from mel_debug.evaluation.summary import results_of, summary_of
from mel_debug.plugins.config import RunConfig
from tables import machine, show


def present() -> list[str]:
    """Return the extractors that can run without a download."""
    sizes = [f"dinov3-{name}" for name, size in SIZES.items() if cached_weights(size.timm_name)]
    return ["xfeat", *sizes]


def weights_by_extractor(given: tuple[str, ...]) -> dict[str, Path]:
    """Read EXTRACTOR=PATH pairs."""
    pairs = [text.partition("=") for text in given]
    for name, _, path in pairs:
        if not Path(path).is_file():
            raise click.UsageError(f"--weights takes EXTRACTOR=FILE; no file {path!r} for {name}")
    return {name: Path(path) for name, _, path in pairs}


def configurations(
    extractors: list[str], matchers: tuple[str, ...], weights: dict[str, Path]
) -> list[Configuration]:
    """Return every extractor, with its own weights, with every matcher."""
    return [
        configuration
        for name in extractors
        for configuration in product_of(
            RunConfig(extractor=name, weights=weights.get(name), no_cache=True), matchers=matchers
        )
    ]


@click.command()
@click.argument(
    "roots", type=click.Path(exists=True, file_okay=False, path_type=Path), nargs=-1, required=True
)
@click.option("--extractor", "extractors", multiple=True)
@click.option("--similarity", "matchers", multiple=True)
@click.option("--weights", multiple=True, metavar="EXTRACTOR=PATH")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path))
def main(
    roots: tuple[Path, ...],
    extractors: tuple[str, ...],
    matchers: tuple[str, ...],
    weights: tuple[str, ...],
    plot: Path | None,
) -> None:
    """Print a table and write a scatter plot of PCK against seconds."""
    files = weights_by_extractor(weights)
    names = list(extractors) or list(dict.fromkeys([*present(), *files]))
    try:
        tasks = plan_tasks(configurations(names, matchers, files), labelled_pairs(roots))
        state = State()
        with click.progressbar(run(tasks, state), length=len(tasks), label="searches") as bar:
            for _ in bar:
                pass
        results = results_of(tasks, state)
        if plot is not None:
            write_scatter(plot, results)
    except MelError as error:
        raise click.ClickException(str(error)) from error
    rows = []
    for result in results:
        summary = summary_of(result)
        shares = [summary.rates[name].value for name in ("pck@0.01", "pck@0.02", "pck@0.05")]
        costs = [summary.seconds_per_photo, summary.seconds_per_query, summary.peak_mb]
        rows.append(
            [result.configuration.label, summary.queries, *shares, summary.median_px, *costs]
        )
    click.echo(machine())
    head = ("configuration", "queries", "PCK@.01", "PCK@.02", "PCK@.05", "median px")
    show("backbones", (*head, "s/photo", "s/query", "peak MB"), rows)


if __name__ == "__main__":
    main()
