"""The report of an evaluation: JSON, CSV, Markdown or text."""

from collections.abc import Sequence
from json import dumps
from pathlib import Path

from mel_debug.evaluation.ranking import TITLE, ranked, ranking_rows, ranking_text
from mel_debug.evaluation.searches import Task
from mel_debug.evaluation.state import State
from mel_debug.evaluation.summary import Result, Summary, results_of, summary_of
from mel_debug.evaluation.tables import csv_table, markdown_report, markdown_rows, text_report


def summaries_by_root(
    roots: Sequence[Path], tasks: Sequence[Task], state: State, threshold: float
) -> dict[str, list[Summary]]:
    """Return the summaries of the targets under each root, by its name; none for a single root."""
    found = {}
    for root in dict.fromkeys(roots) if len(set(roots)) > 1 else ():
        under = [task for task in tasks if task.pair.target.is_relative_to(root)]
        found[str(root)] = [summary_of(result) for result in results_of(under, state, threshold)]
    return found


def report_of(
    results: list[Result],
    summaries: list[Summary],
    by_root: dict[str, list[Summary]],
    *,
    json: bool,
    csv: bool,
    markdown: bool,
) -> str:
    """Return the measures as JSON, CSV, Markdown or, by default, text tables."""
    if json:
        return json_text(results, summaries, by_root)
    if csv:
        return csv_table(summaries, by_root)
    ranking = ranked(results) if len(results) > 1 else []
    if markdown:
        report = markdown_report(summaries, by_root)
        return (
            f"## {TITLE}\n\n{markdown_rows(ranking_rows(ranking))}\n\n{report}"
            if ranking
            else report
        )
    report = text_report(summaries, by_root)
    return f"{ranking_text(ranking)}\n\n{report}" if ranking else report


def json_text(
    results: list[Result], summaries: list[Summary], by_root: dict[str, list[Summary]]
) -> str:
    """Return the measures of every configuration and one row per query, as JSON.

    A row's `configuration` is the index of its configuration. `ranking` is in order of accuracy;
    `roots` has the measures of each
    root, if there are several.
    """
    rows = [
        {"configuration": number, **answer.as_row()}
        for number, result in enumerate(results)
        for answer in result.answers
    ]
    configurations = [summary.as_json() for summary in summaries]
    roots = [
        {"root": root, "configurations": [summary.as_json() for summary in group]}
        for root, group in by_root.items()
    ]
    ranking = [each.as_json() for each in ranked(results)]
    return dumps(
        {"configurations": configurations, "ranking": ranking, "roots": roots, "queries": rows}
    )
