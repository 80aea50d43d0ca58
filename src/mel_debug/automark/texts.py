"""The output of a run, as text and as JSON."""

from collections.abc import Sequence
from typing import Any

from mel_debug.automark.decision import Decision, Outcome
from mel_debug.automark.runner import TargetResult
from mel_debug.automark.same_mole import SameMole
from mel_debug.automark.targets import Problem
from mel_debug.core.escape import escaped
from mel_debug.core.tables import aligned, csv_text

COLUMNS = (
    Outcome.ADDED,
    Outcome.ALREADY_MARKED,
    Outcome.NOT_FOUND,
    Outcome.UNCERTAIN,
    Outcome.NOT_SEARCHED,
)


def summary_table(results: Sequence[TargetResult]) -> str:
    """A table with the number of moles of each outcome, one line for each target, and the sums."""
    rows = [["", *(outcome.value for outcome in COLUMNS)]]
    for result in results:
        counts = [str(result.count(outcome)) for outcome in COLUMNS]
        rows.append([escaped(str(result.target.photo)), *counts])
    if len(results) > 1:
        sums = [str(sum(result.count(outcome) for result in results)) for outcome in COLUMNS]
        rows.append(["all", *sums])
    return "\n".join(aligned(rows))


def decision_lines(result: TargetResult) -> list[str]:
    """One line for each decision about a target, with the reason."""
    photo = result.target.photo
    return [escaped(f"{photo}: {_line(decision)}") for decision in result.decisions]


def _line(decision: Decision) -> str:
    parts = [f"{decision.uuid} {decision.outcome.value}: {decision.reason}"]
    if decision.point is not None and decision.confidence is not None:
        x, y = decision.point.x, decision.point.y
        parts.append(f"best place ({x:.0f}, {y:.0f}), confidence {decision.confidence:.2f}")
        if decision.absent is not None:
            parts.append(f"absent {decision.absent:.2f}")
        parts.append(f"{decision.agreeing} other moles agree")
    if decision.expected_off_px is not None:
        parts.append(f"{decision.expected_off_px:.0f} px from the place they predict")
    if decision.references:
        parts.append(f"found from {', '.join(map(str, decision.references))}")
    parts += [f"no spot at the mark in {photo}" for photo in decision.without_blob]
    return "; ".join(parts)


def same_moles(results: Sequence[TargetResult]) -> list[SameMole]:
    """The pairs of uuids that look like one mole, each once for every photo."""
    pairs = [pair for result in results for pair in result.same_moles]
    return list({(pair.uuids, pair.photo): pair for pair in pairs}.values())


def as_json(results: Sequence[TargetResult], problems: Sequence[Problem]) -> dict[str, Any]:
    """The results of a run for scripts; x and y are pixels of the target, as in the new marks.

    The `places` of two uuids that look like one mole are pixels of their `photo`.
    """
    return {
        "targets": [
            {
                "target": str(result.target.photo),
                **{outcome.name.lower(): result.count(outcome) for outcome in COLUMNS},
                "moles": [_row(decision) for decision in result.decisions],
            }
            for result in results
        ],
        "same_mole": [
            {
                "uuids": list(pair.uuids),
                "photo": str(pair.photo),
                "places": [list(point.pixel) for point in pair.points],
                "was_found": pair.was_found,
            }
            for pair in same_moles(results)
        ],
        "problems": [
            {"photo": str(problem.photo), "reason": problem.reason} for problem in problems
        ],
    }


CSV_COLUMNS = (
    *("target", "uuid", "outcome", "reason", "x", "y", "confidence", "absent", "agreeing"),
    *("expected_off_px", "spot_at_mark", "references"),
)


def as_csv(results: Sequence[TargetResult]) -> str:
    """One line for each decision, with the values of `as_json`."""
    return csv_text(
        CSV_COLUMNS,
        [
            {"target": str(result.target.photo), **_row(decision)}
            for result in results
            for decision in result.decisions
        ],
    )


def _row(decision: Decision) -> dict[str, Any]:
    x, y = (None, None) if decision.point is None else decision.point.pixel
    return {
        "uuid": decision.uuid,
        "outcome": decision.outcome.value,
        "reason": decision.reason,
        "x": x,
        "y": y,
        "confidence": decision.confidence,
        "absent": decision.absent,
        "agreeing": decision.agreeing,
        "expected_off_px": decision.expected_off_px,
        "spot_at_mark": decision.spot_at_mark,
        "references": [str(reference) for reference in decision.references],
    }
