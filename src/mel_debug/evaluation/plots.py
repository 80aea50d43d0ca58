"""Plots of an evaluation and an HTML page of them. Needs matplotlib, from the extra `plots`."""

import io
import re
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.errors import MelError
from mel_debug.evaluation import metrics
from mel_debug.evaluation.summary import Result, Summary
from mel_debug.evaluation.tables import text_table
from mel_debug.files.atomic import write_atomically
from mel_debug.files.html_report import make_folder, write_page
from mel_debug.files.marker import PICTURE_MARK
from mel_debug.files.outputs import OutputGuard

SIZE, DPI = (7.0, 5.0), 110
"""Width and height of a plot in inches, and its dots per inch."""

MOST_PCK = 0.05
"""Right end of the PCK plot, as a share of the longer side: the coarsest PCK that is reported."""

PICTURE_NAMES = re.compile(r"(pck|risk-coverage|reliability|errors|speed|memory)\.png")
"""File names of the plots."""

MARKERS, COLOURS = "osD^vP", 10
"""Signs of configurations: the next one for every ten, as matplotlib's colours then repeat."""

WIDE = 20
"""A ratio of costs from which on their axis is logarithmic."""

LEGEND_LINE = 0.2
"""Height of a line of a legend in inches."""

_METADATA = {"Comment": PICTURE_MARK}


def check_matplotlib() -> None:
    """Raise MelError if matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        raise MelError("`plots` needs matplotlib; try pip install 'mel-debug[plots]'")


def write_plots(
    folder: Path,
    results: Sequence[Result],
    summaries: Sequence[Summary],
    *,
    guard: OutputGuard | None = None,
) -> Path:
    """Write one PNG per plot and `index.html` to a folder; returns the path of the page.

    Raises MelError if matplotlib is not installed or a file can't be written, and UsageError for a
    file that the guard does not allow to be replaced.
    """
    check_matplotlib()
    make_folder(folder)
    plots: dict[str, tuple[Callable[[Any, Sequence[Result]], None], str]] = {
        "pck": (
            _pck,
            "Share of queries whose error is within a share of the photo's longer side (PCK).",
        ),
        "risk-coverage": (
            _risk_coverage,
            "Share of wrong answers among those accepted, for every threshold. The dot is the "
            "threshold in use.",
        ),
        "reliability": (
            _reliability,
            "Share of right answers by confidence; calibrated if on the dashed line.",
        ),
        "errors": (_errors, "Error of each query; the bar is the median."),
        "speed": (
            _speed,
            "PCK@0.01, with 95 % intervals, against the seconds for one photo and one query.",
        ),
        "memory": (_memory, "PCK@0.01, with 95 % intervals, against the peak memory."),
    }
    pictures = []
    for name, (draw, caption) in plots.items():
        _save(folder / f"{name}.png", (draw,), results, guard)
        pictures.append((f"{name}.png", caption))
    return write_page(folder, "Evaluation", pictures, text_table(summaries), guard=guard)


def write_scatter(path: Path, results: Sequence[Result]) -> None:
    """Write the plots of PCK@0.01 against seconds and memory to a file, side by side.

    Raises MelError if matplotlib is not installed or the file can't be written.
    """
    check_matplotlib()
    _save(path, (_speed, _memory), results)


def _save(
    path: Path,
    draws: Sequence[Callable[[Any, Sequence[Result]], None]],
    results: Sequence[Result],
    guard: OutputGuard | None = None,
) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    size = (len(draws) * SIZE[0], SIZE[1])
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    for number, draw in enumerate(draws, start=1):
        axes = figure.add_subplot(1, len(draws), number)
        axes.grid(visible=True, alpha=0.3)
        draw(axes, results)
    if set(draws) <= {_speed, _memory}:
        _legend_below(figure, size)
    kind = path.suffix.lstrip(".") or "png"
    encoded = io.BytesIO()
    figure.savefig(encoded, format=kind, metadata=_METADATA if kind == "png" else None)
    if guard is not None:
        guard.check_picture(path)
    write_atomically(path, encoded.getvalue())


def _shares(result: Result) -> NDArray[np.float64]:
    """Return the errors of the queries as shares of the target's longer side."""
    errors = [(a.error_px, a.longest) for a in result.answers]
    return np.array([error / longest for error, longest in errors if error is not None])


def _confidences(result: Result) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    confidences = np.array([answer.confidence for answer in result.answers])
    return confidences, np.array([answer.right for answer in result.answers], dtype=bool)


def _pck(axes: Any, results: Sequence[Result]) -> None:
    limits = np.linspace(0, MOST_PCK, 201)
    for result in results:
        errors = _shares(result)
        if errors.size:
            share = (errors[:, np.newaxis] <= limits).mean(axis=0)
            axes.plot(limits, share, label=result.configuration.label)
    axes.set(
        xlabel="error limit, share of the longer side",
        ylabel="PCK",
        xlim=(0, MOST_PCK),
        ylim=(0, 1.02),
    )
    axes.legend(loc="lower right")


def _risk_coverage(axes: Any, results: Sequence[Result]) -> None:
    for result in results:
        confidences, right = _confidences(result)
        coverage, risk = metrics.risk_coverage(confidences, right)
        (line,) = axes.plot(coverage, risk, label=result.configuration.label)
        accepted = np.array([not answer.uncertain for answer in result.answers])
        if accepted.any():
            axes.plot(accepted.mean(), 1 - right[accepted].mean(), "o", color=line.get_color())
    axes.set(
        xlabel="coverage: share of answers accepted",
        ylabel="risk: share of those wrong",
        xlim=(0, 1.02),
    )
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left")


def _reliability(axes: Any, results: Sequence[Result]) -> None:
    axes.plot([0, 1], [0, 1], "--", color="grey")
    for result in results:
        table = metrics.reliability(*_confidences(result))
        means = np.array([each.mean for each in table])
        hits = np.array([each.share for each in table])
        counts = np.array([each.count for each in table])
        (line,) = axes.plot(means, hits, label=result.configuration.label)
        axes.scatter(means, hits, s=8 + 200 * counts / counts.sum(), color=line.get_color())
    axes.set(xlabel="confidence", ylabel="share of right answers", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(loc="upper left")


def _errors(axes: Any, results: Sequence[Result]) -> None:
    rng = np.random.default_rng(0)
    for number, result in enumerate(results):
        errors = np.array([a.error_px for a in result.answers if a.error_px is not None])
        if errors.size:
            shown = np.maximum(errors, 0.1)
            across = number + rng.uniform(-0.25, 0.25, errors.size)
            axes.scatter(across, shown, s=8, alpha=0.5)
            median = float(np.median(shown))
            axes.plot([number - 0.35, number + 0.35], [median, median], color="black")
    axes.set(ylabel="error, px of the target", yscale="log", xlim=(-0.6, len(results) - 0.4))
    labels = [result.configuration.label.replace(" ", "\n") for result in results]
    axes.set_xticks(range(len(results)), labels)


def _speed(axes: Any, results: Sequence[Result]) -> None:
    def seconds(result: Result) -> float:
        return (result.seconds_per_photo or 0) + (result.seconds_per_query or 0)

    _against(axes, results, seconds, "seconds for one photo and one query")


def _memory(axes: Any, results: Sequence[Result]) -> None:
    _against(axes, results, lambda result: result.peak_mb, "peak memory, MB")


def _against(
    axes: Any, results: Sequence[Result], cost: Callable[[Result], float | None], title: str
) -> None:
    """PCK@0.01 with Wilson's interval against a cost, each configuration with a sign of its own."""
    values = []
    for number, result in enumerate(results):
        errors, value = _shares(result), cost(result)
        interval = metrics.wilson(int((errors <= 0.01).sum()), errors.size)
        if value is None or interval is None:
            continue
        share = float((errors <= 0.01).mean())
        bars = [[max(0.0, share - interval[0])], [max(0.0, interval[1] - share)]]
        sign = MARKERS[number // COLOURS % len(MARKERS)]
        axes.errorbar([value], [share], bars, fmt=sign, label=result.configuration.label)
        values.append(value)
    axes.set(xlabel=title, ylabel="PCK@0.01", ylim=(-0.03, 1.05))
    axes.margins(x=0.2)
    if values and max(values) > WIDE * min(values) > 0:
        axes.set(xscale="log", xlabel=f"{title} (logarithmic)")
    else:
        axes.set_xlim(left=0)


def _legend_below(figure: Any, size: tuple[float, float]) -> None:
    """One legend for all axes, below them: inside it would cover configurations."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if not handles:
        return
    columns = len(figure.axes)
    lines = -(-len(labels) // columns)
    figure.set_size_inches(size[0], size[1] + LEGEND_LINE * lines)
    figure.legend(handles, labels, loc="outside lower left", ncols=columns, fontsize="small")
