"""Summaries as plain text, CSV and Markdown."""

import csv
import io
from collections.abc import Sequence

from mel_debug.core.tables import aligned
from mel_debug.evaluation.summary import PCK, WITHIN_PX, Rate, Summary

NOTES = (
    "[a to b]: 95 % interval (Wilson; assumes independent queries). {a to b}: 95 % interval "
    "(bootstrap over whole photos).",
    "coverage: share of queries accepted. wrong accepted: share of accepted answers that are over "
    "50 px off or of an absent mole. radius coverage: share of accepted queries whose error is "
    "within the reported radius.",
)


def text_table(summaries: Sequence[Summary]) -> str:
    """Return a table with one column per configuration, one line per measure, and a legend."""
    rows = _rows(summaries, intervals=True)
    return "\n".join([*aligned(rows), "", *NOTES])


def markdown_table(summaries: Sequence[Summary]) -> str:
    """Return the same table in Markdown, without the legend."""
    head, *rows = _rows(summaries, intervals=True)
    rule = ["---", *["---:"] * len(summaries)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def csv_table(summaries: Sequence[Summary]) -> str:
    """Return one line per configuration, unrounded, with the intervals in their own columns."""
    flat = []
    for summary in summaries:
        data = summary.as_json()
        row = {name: data[name] for name in ("extractor", "matcher", "preset", "image_size")}
        row |= {"queries": summary.queries, "absent": summary.absent}
        row |= {f"within_{px}_px": count for px, count in summary.within_px.items()}
        for name, rate in summary.rates.items():
            row[name] = rate.value
            for kind, interval in (("wilson", rate.wilson), ("photos", rate.photos)):
                low, high = interval or (None, None)
                row |= {f"{name}_{kind}_low": low, f"{name}_{kind}_high": high}
        rest = ("median_px", "auroc", "ece", "seconds_per_photo", "seconds_per_query", "peak_mb")
        flat.append(row | {name: data[name] for name in rest})
    out = io.StringIO()
    writer = csv.DictWriter(out, list(flat[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return out.getvalue().rstrip("\n")


def _rows(summaries: Sequence[Summary], *, intervals: bool) -> list[list[str]]:
    def row(title: str, texts: list[str]) -> list[str]:
        return [title, *texts]

    def rates(title: str, name: str) -> list[str]:
        return row(title, [_rate(s.rates[name], intervals=intervals) for s in summaries])

    names = [
        " ".join(str(s.names[key] or "full") for key in ("extractor", "matcher", "image_size"))
        for s in summaries
    ]
    return [
        row("", names),
        row("preset", [s.names["preset"] or "-" for s in summaries]),
        row("queries", [str(s.queries) for s in summaries]),
        row("absent moles", [str(s.absent) for s in summaries]),
        *(rates(f"within {px} px", f"within@{px}") for px in WITHIN_PX),
        *(rates(f"PCK@{alpha:g}", f"pck@{alpha:g}") for alpha in PCK),
        row("median error, px", [_number(s.median_px, 1) for s in summaries]),
        row("AUROC", [_number(s.auroc, 3) for s in summaries]),
        row("calibration error", [_number(s.ece, 3) for s in summaries]),
        rates("coverage", "coverage"),
        rates("wrong accepted", "wrong_accepted"),
        rates("false accepts on absent moles", "false_accepts"),
        rates("radius coverage", "radius_coverage"),
        row("seconds per photo", [_number(s.seconds_per_photo, 2) for s in summaries]),
        row("seconds per query", [_number(s.seconds_per_query, 3) for s in summaries]),
        row("peak memory, MB", [_number(s.peak_mb, 0) for s in summaries]),
    ]


def _rate(rate: Rate, *, intervals: bool) -> str:
    if rate.value is None:
        return "-"
    parts = [f"{rate.value:.1%}"]
    if intervals and rate.wilson is not None:
        parts.append(f"[{rate.wilson[0]:.0%} to {rate.wilson[1]:.0%}]")
    if intervals and rate.photos is not None:
        parts.append(f"{{{rate.photos[0]:.0%} to {rate.photos[1]:.0%}}}")
    return " ".join(parts)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
