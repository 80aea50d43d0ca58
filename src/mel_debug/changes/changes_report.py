"""The changes between two sessions as lines, JSON, rows and a page."""

from collections.abc import Iterator
from typing import Any

from mel_debug.changes.comparer import Comparer
from mel_debug.changes.crops import Crop, Frame, LocalMap, aligned_crop
from mel_debug.changes.evidence import OUT_OF_VIEW
from mel_debug.changes.history import SHOWN_DIAMETERS, SHOWN_SIDE
from mel_debug.changes.history_report import (
    RATIO_COLUMNS,
    ratio_columns,
    ratio_text,
    ratios_json,
)
from mel_debug.changes.page import Entry, Picture, Section, page_html
from mel_debug.changes.places import Changes, Kind, Place
from mel_debug.core.geometry import Point
from mel_debug.core.tables import csv_text

LISTED = (Kind.GONE, Kind.NEW, Kind.CHANGED, Kind.CANNOT_TELL)

HEADINGS = {
    Kind.GONE: "Gone: the place is in view, and nothing is there",
    Kind.NEW: "New: a spot where the earlier photo shows none",
    Kind.CHANGED: "Changed beyond the error of the measure",
    Kind.CANNOT_TELL: "Cannot tell",
}

MOST_SHOWN = 60
"""Places of one kind with pictures on the page; the table has all."""

MOST_UNSEEN = 5
"""Spots without a mark that are out of view in the other photo: more of them share one line, as an
earlier photo that shows half of the skin leaves a hundred. JSON and tables have all."""

SMALLEST = 0.004
"""Least diameter for the crops of the page, as a share of the photo's longer side."""


def counts(changes: Changes) -> str:
    """One line with the number of places of each kind."""
    named = [f"{kind.replace('_', ' ')} {len(changes.of(kind))}" for kind in LISTED]
    return ", ".join([*named, f"the same {len(changes.of(Kind.SAME))}"])


def lines(changes: Changes) -> Iterator[str]:
    """One line a place, for a terminal, then the counts."""
    for kind in LISTED:
        places = changes.of(kind)
        unseen = [each for each in places if each.uuid is None and each.reason == OUT_OF_VIEW]
        together = len(unseen) > MOST_UNSEEN
        for place in places:
            if together and place in unseen:
                continue
            sure = "" if place.confidence is None else f"{place.confidence:.2f}"
            yield "   ".join(
                part
                for part in (
                    f"{kind.replace('_', ' '):10}",
                    _name(place),
                    _place(place.in_target, place.target.name, place.is_new_spot),
                    sure,
                    words(place),
                )
                if part
            )
        if together:
            name = kind.replace("_", " ")
            yield f"{name}   {len(unseen)} spots without a mark   {OUT_OF_VIEW}"
    yield counts(changes)


def _name(place: Place) -> str:
    return "no mark" if place.uuid is None else place.uuid[:6]


def _place(point: Point | None, name: str, exact: bool) -> str:
    if point is None:
        return name
    return f"{name}  {'' if exact else '~'}({point.x:.0f}, {point.y:.0f})"


def words(place: Place) -> str:
    """The reason, or what was measured."""
    if place.kind is Kind.CHANGED and isinstance(place.ratios, dict):
        names = place.reason.split(", ")
        return ", ".join(f"{name} {ratio_text(place.ratios[name])}" for name in names)
    if place.kind is Kind.NEW:
        return f"{place.diameter_px:.0f} px across"
    return place.reason


def as_json(changes: Changes) -> dict[str, Any]:
    """A list of places for each kind, and the number of moles that stayed the same."""
    found: dict[str, Any] = {
        str(kind): [_json(place) for place in changes.of(kind)] for kind in LISTED
    }
    found["same"] = len(changes.of(Kind.SAME))
    found["problems"] = [
        {"photo": str(photo), "reason": reason} for photo, reason in changes.problems.items()
    ]
    return found


def _json(place: Place) -> dict[str, Any]:
    here, there = place.in_reference, place.in_target
    return {
        "uuid": place.uuid,
        "reference": str(place.reference),
        "reference_x": None if here is None else here.x,
        "reference_y": None if here is None else here.y,
        "target": str(place.target),
        "x": None if there is None else there.x,
        "y": None if there is None else there.y,
        "diameter_px": place.diameter_px,
        "confidence": place.confidence,
        "reason": place.reason or None,
        "ratios": ratios_json(place.ratios),
    }


def as_csv(changes: Changes) -> str:
    """One line a place, with the values of `as_json`."""
    rows = [(kind, _json(place)) for kind in LISTED for place in changes.of(kind)]
    columns = ("uuid", "reference", "reference_x", "reference_y", "target", "x", "y")
    return csv_text(
        ("kind", *columns, "diameter_px", "confidence", "reason", *RATIO_COLUMNS),
        [{"kind": str(kind), **row, **ratio_columns(row["ratios"])} for kind, row in rows],
    )


def page(changes: Changes, comparer: Comparer) -> str:
    """The page of the comparison, in one file."""
    sections = []
    for kind in LISTED:
        places = changes.of(kind)
        entries = tuple(_entry(place, comparer) for place in places[:MOST_SHOWN])
        heading = f"{HEADINGS[kind]} ({len(places)})"
        if len(places) > MOST_SHOWN:
            heading = f"{heading}; the first {MOST_SHOWN} with pictures"
        sections.append(Section(heading, entries))
    intro = (
        f"Two sessions compared: {counts(changes)}. The least sure come first. Hold B to flip "
        "between the two photos in place; N and P go to the next and the previous place."
    )
    return page_html("Changes between two sessions", intro, sections, _table(changes))


def _table(changes: Changes) -> list[list[str]]:
    table = [["kind", "mole", "reference", "target", "x", "y", "confidence", "what"]]
    for kind in LISTED:
        for place in changes.of(kind):
            there = place.in_target
            table.append(
                [
                    kind.replace("_", " "),
                    _name(place),
                    str(place.reference),
                    str(place.target),
                    "" if there is None else f"{there.x:.0f}",
                    "" if there is None else f"{there.y:.0f}",
                    "" if place.confidence is None else f"{place.confidence:.2f}",
                    words(place),
                ]
            )
    return table


def _entry(place: Place, comparer: Comparer) -> Entry:
    sure = "" if place.confidence is None else f" ({place.confidence:.0%})"
    name = "A spot without a mark" if place.uuid is None else f"Mole {place.uuid[:8]}"
    text = words(place)
    return Entry(f"{name}: {place.kind.replace('_', ' ')}{sure}", text, _pictures(place, comparer))


def _pictures(place: Place, comparer: Comparer) -> tuple[Picture, ...]:
    """The place in the reference and in the target, in one frame and one light."""
    photo = comparer.photo(place.photo)
    diameter = max(place.diameter_px, SMALLEST * photo.size.longest)
    frame = Frame(SHOWN_SIDE, SHOWN_DIAMETERS * diameter / SHOWN_SIDE)
    radius = SHOWN_SIDE / SHOWN_DIAMETERS / 2
    own = aligned_crop(photo, place.here, frame)
    other = None if place.there is None else _other(place, comparer, frame, place.local)
    if other is not None:
        other = other.in_light_of(own, radius)
    crops = [("Reference", place.reference, own), ("Target", place.target, other)]
    if place.is_new_spot:
        crops = [("Reference", place.reference, other), ("Target", place.target, own)]
    return tuple(
        Picture(
            f"{label}: {path.parent.name}/{path.name}",
            f"{label}\n{path.parent.name}/{path.name}",
            None if crop is None else crop.pixels,
            place.kind is Kind.CANNOT_TELL,
        )
        for label, path, crop in crops
    )


def _other(place: Place, comparer: Comparer, frame: Frame, local: LocalMap) -> Crop | None:
    photo = comparer.photo(place.other)
    assert place.there is not None  # noqa: S101 - checked by the caller
    inside = 0 <= place.there.x < photo.size.width and 0 <= place.there.y < photo.size.height
    try:
        return aligned_crop(photo, place.there, frame, local) if inside else None
    except ValueError:  # a fold of the map, where nothing can be shown
        return None
