"""The history of a mole as lines, table, JSON, rows, strip and page."""

from collections.abc import Iterator
from typing import Any

from mel_debug.changes.history import History, Moment, Status
from mel_debug.changes.measures import NAMES
from mel_debug.changes.page import Entry, Picture, Section, page_html
from mel_debug.changes.ratios import Ratio
from mel_debug.confidence.words import numbers
from mel_debug.core.tables import csv_text

DATED = {"folder": "", "EXIF": " (EXIF)", "file": " (file time)"}
"""What stands after a date, by what it was read from."""


def words(moment: Moment) -> str:
    """What is known of the place, in words."""
    if moment.problem is not None:
        return f"{moment.status}: {moment.problem}"
    if moment.status is Status.MARKED or moment.confidence is None:
        return str(moment.status)
    if moment.status is Status.NOT_FOUND:
        absent = moment.confidence.absent or 0.0
        if moment.place is None:
            return f"not found: {moment.ratios}"
        return f"probably not there ({absent:.2f}); this is where it should be"
    return f"{moment.status} ({moment.confidence.probability:.2f})"


def ratio_text(ratio: Ratio) -> str:
    """Such as `1.04 (0.98 to 1.10)`."""
    return f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def pictures(history: History, *, raw: bool = False) -> tuple[Picture, ...]:
    """One picture a photo; unless `raw`, in the light of the first photo's skin."""
    first = next(moment for moment in history.moments if moment.photo == history.first)
    found = []
    for moment in history.moments:
        crop = moment.shown
        if crop is not None and not raw and first.shown is not None:
            crop = crop.in_light_of(first.shown, history.radius)
        label = f"{moment.date}{DATED[moment.date.source]}: {moment.status}"
        lines = [f"{moment.date}{DATED[moment.date.source]}", words(moment)]
        if moment.photo == history.first:
            lines.append("first: all others are compared with this")
        elif isinstance(moment.ratios, dict) and "diameter" in moment.ratios:
            lines.append(f"diameter {ratio_text(moment.ratios['diameter'])}")
        elif isinstance(moment.ratios, str) and moment.ratios and moment.place is not None:
            lines.append(f"not measured: {moment.ratios}")
        if moment.note:
            lines.append(moment.note)
        doubtful = moment.status in (Status.UNSURE, Status.NOT_FOUND)
        pixels = None if crop is None else crop.pixels
        found.append(Picture(label, "\n".join(lines), pixels, doubtful))
    return tuple(found)


def table(history: History) -> list[list[str]]:
    """A head and one row a photo."""
    rows = [["date", "dated by", "status", "x", "y", "confidence", *NAMES, "left out", "photo"]]
    for moment in history.moments:
        place, sure = moment.place, moment.confidence
        measured = moment.ratios if isinstance(moment.ratios, dict) else {}
        rows.append(
            [
                str(moment.date),
                moment.date.source,
                str(moment.status),
                "" if place is None else f"{place.x:.1f}",
                "" if place is None else f"{place.y:.1f}",
                "" if sure is None else f"{sure.probability:.2f}",
                *(ratio_text(measured[name]) if name in measured else "" for name in NAMES),
                _left_out(moment),
                str(moment.photo),
            ]
        )
    return rows


def lines(history: History) -> Iterator[str]:
    """One line a photo, for a terminal."""
    for moment in history.moments:
        parts = [f"{moment.date}{DATED[moment.date.source]}", words(moment)]
        if moment.photo == history.first:
            parts.append("first")
        elif isinstance(moment.ratios, dict):
            parts += [f"{n} {ratio_text(r)}" for n, r in moment.ratios.items() if n == "diameter"]
        elif moment.ratios and moment.place is not None:
            parts.append(f"not measured: {moment.ratios}")
        if moment.confidence is not None and moment.status is Status.UNSURE:
            parts[1] = f"{moment.status}: {numbers(moment.confidence)}"
        yield "   ".join([*parts, str(moment.photo)])


_PARTS = {"": "value", "_low": "low", "_high": "high"}

RATIO_COLUMNS = tuple(f"{name}{end}" for name in NAMES for end in _PARTS)
"""A column for each measure and for both ends of its interval."""


def as_json(history: History) -> dict[str, Any]:
    """Everything, for a script."""
    measured = history.measures
    return {
        "uuid": history.uuid,
        "first": str(history.first),
        "diameter_px": history.diameter_px,
        "measures": measured
        if isinstance(measured, str)
        else {n: measured.value(n) for n in NAMES},
        "photos": [_moment_json(moment) for moment in history.moments],
    }


def ratio_columns(ratios: dict[str, dict[str, float]]) -> dict[str, float | None]:
    """The values of `RATIO_COLUMNS`, from those of `ratios_json`."""
    return {
        f"{name}{end}": ratios.get(name, {}).get(part)
        for name in NAMES
        for end, part in _PARTS.items()
    }


def _moment_json(moment: Moment) -> dict[str, Any]:
    place, sure = moment.place, moment.confidence
    return {
        "photo": str(moment.photo),
        "date": str(moment.date),
        "dated_by": moment.date.source,
        "status": str(moment.status),
        "x": None if place is None else place.x,
        "y": None if place is None else place.y,
        "local_map": moment.local,
        "confidence": None if sure is None else sure.probability,
        "absent": None if sure is None else sure.absent,
        "radius_px": None if sure is None else sure.radius_px,
        "ratios": ratios_json(moment.ratios),
        "left_out": _left_out(moment) or None,
        "note": moment.note,
    }


def ratios_json(ratios: dict[str, Ratio] | str) -> dict[str, dict[str, float]]:
    """The value and the interval of each ratio; empty where nothing was measured."""
    if isinstance(ratios, str):
        return {}
    return {n: {"value": r.value, "low": r.low, "high": r.high} for n, r in ratios.items()}


def as_csv(history: History) -> str:
    """One line a photo, with the values of `as_json`."""
    rows = [_moment_json(moment) for moment in history.moments]
    columns = ("date", "dated_by", "photo", "status", "x", "y", "confidence")
    return csv_text(
        (*columns, *RATIO_COLUMNS, "left_out"),
        [{**row, **ratio_columns(row["ratios"])} for row in rows],
    )


def _left_out(moment: Moment) -> str:
    if moment.problem is not None:
        return moment.problem
    return moment.ratios if isinstance(moment.ratios, str) else ""


def page(history: History, *, raw: bool = False) -> str:
    """The page of the mole, in one file."""
    light = "as photographed" if raw else "in the light of the first photo"
    entry = Entry(
        f"Mole {history.uuid[:8]}",
        f"{len(history.moments)} photos, aligned to the first that marks it, {light}. A dashed "
        "edge means that the place is not sure. Measures are ratios to the first photo; in "
        "brackets, their 95 % intervals.",
        pictures(history, raw=raw),
    )
    intro = "One mole through all sessions. Hold B to flip between two photos in place."
    section = Section("All photos, oldest first", (entry,))
    return page_html(f"Mole {history.uuid[:8]}", intro, [section], table(history))
