"""Summaries as plain text, CSV and Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from mel_debug.core.escape import escaped
from mel_debug.core.tables import aligned, csv_text
from mel_debug.evaluation.metrics import ReliabilityBin
from mel_debug.evaluation.summary import PCK, WITHIN_PX, Rate, Summary

NOTES = (
    "[a to b]: 95 % interval (Wilson; assumes independent queries). {a to b}: 95 % interval "
    "(bootstrap over whole photos).",
    "coverage: share of queries accepted. wrong accepted: share of accepted answers that are over "
    "50 px off or of an absent mole. radius coverage: share of accepted right answers whose error "
    "is within the radius.",
)

ENOUGH = 50
"""Answers from which a report has reliability tables: with fewer, most bins hold a handful."""

Roots = Mapping[str, Sequence[Summary]]
"""The summaries of the photos under each root, by its name, where several were given."""


def text_report(summaries: Sequence[Summary], roots: Roots) -> str:
    """Return the tables of each root and of all photos, with reliability tables, as text."""
    parts = []
    for title, group in _sections(summaries, roots):
        parts += [[title, ""]] if title else []
        parts += [[*aligned(_rows(group, intervals=True)), ""]]
        parts += [
            [heading, *aligned(rows), ""] for each in group for heading, rows in _reliability(each)
        ]
    return "\n".join([*(line for part in parts for line in part), *NOTES])


def markdown_report(summaries: Sequence[Summary], roots: Roots) -> str:
    """Return the same tables in Markdown, without the legend."""
    parts = []
    for title, group in _sections(summaries, roots):
        parts += [f"## {title}"] if title else []
        parts.append(markdown_table(group))
        for each in group:
            for heading, rows in _reliability(each):
                parts += [f"### {heading}", markdown_rows(rows)]
    return "\n\n".join(parts)


def text_table(summaries: Sequence[Summary]) -> str:
    """Return a table with one column per configuration, one line per measure, and a legend."""
    rows = _rows(summaries, intervals=True)
    return "\n".join([*aligned(rows), "", *NOTES])


def markdown_table(summaries: Sequence[Summary]) -> str:
    """Return a table with one column per configuration in Markdown, without the legend."""
    return markdown_rows(_rows(summaries, intervals=True))


def csv_table(summaries: Sequence[Summary], roots: Roots | None = None) -> str:
    """Return one line per configuration, unrounded, with the intervals in their own columns.

    `root` is empty in the lines of all photos.
    """
    flat = []
    groups = [*(roots or {}).items(), ("", summaries)]
    for root, summary in ((root, each) for root, group in groups for each in group):
        data = summary.as_json()
        row: dict[str, Any] = {"root": root}
        row |= {name: data[name] for name in ("extractor", "matcher", "preset", "image_size")}
        chosen = (data.get("options") or {}).items()
        row["options"] = " ".join(f"{name}={value}" for name, value in chosen)
        row |= {"queries": summary.queries, "absent": summary.absent}
        row |= {f"within_{px}_px": count for px, count in summary.within_px.items()}
        for name, rate in summary.rates.items():
            row[name] = rate.value
            for kind, interval in (("wilson", rate.wilson), ("photos", rate.photos)):
                low, high = interval or (None, None)
                row |= {f"{name}_{kind}_low": low, f"{name}_{kind}_high": high}
        measures = ("median_px", "auroc", "ece", "absent_ece")
        costs = ("seconds_per_photo", "seconds_per_query", "peak_mb")
        flat.append(row | {name: data[name] for name in (*measures, *costs)})
    return csv_text(list(flat[0]), flat)


def _sections(summaries: Sequence[Summary], roots: Roots) -> list[tuple[str, Sequence[Summary]]]:
    """Titles and summaries; the title of the only section is empty."""
    titled = [(escaped(root), group) for root, group in roots.items()]
    return [*titled, ("all" if roots else "", summaries)]


def _reliability(summary: Summary) -> list[tuple[str, list[list[str]]]]:
    """The headings and the tables of confidence and absence; none for few answers."""
    if summary.queries + summary.absent < ENOUGH:
        return []
    name = _name(summary)
    right = ("confidence", "right", summary.reliability)
    gone = ("absent", "are absent", summary.absent_reliability)
    return [
        (f"reliability of `{title}`, {name}", _bins(title, event, bins))
        for title, event, bins in (right, gone)
        if bins is not None
    ]


def _bins(title: str, event: str, bins: Sequence[ReliabilityBin]) -> list[list[str]]:
    return [
        [title, "answers", "mean", event],
        *(
            [f"{b.low:.1f} to {b.high:.1f}", str(b.count), f"{b.mean:.2f}", f"{b.share:.0%}"]
            for b in bins
        ),
    ]


def markdown_rows(table: Sequence[Sequence[str]]) -> str:
    """Return a table, its head first, in Markdown."""
    head, *rows = table
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def _name(summary: Summary) -> str:
    options = summary.names.get("options") or {}
    inside = ",".join(f"{name}={value}" for name, value in options.items())
    extractor = summary.names["extractor"] + (f"[{inside}]" if inside else "")
    rest = (str(summary.names[key] or "full") for key in ("matcher", "image_size"))
    return " ".join([extractor, *rest])


def _rows(summaries: Sequence[Summary], *, intervals: bool) -> list[list[str]]:
    def row(title: str, texts: list[str]) -> list[str]:
        return [title, *texts]

    def rates(title: str, name: str) -> list[str]:
        return row(title, [_rate(s.rates[name], intervals=intervals) for s in summaries])

    return [
        row("", [_name(s) for s in summaries]),
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
        rates("absent moles reported absent", "absent_found"),
        rates("present moles reported absent", "false_absent"),
        row("calibration error of `absent`", [_number(s.absent_ece, 3) for s in summaries]),
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
