"""An HTML report of all outcomes, photo by photo, drawn while the run goes on."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mel_debug.automark.decision import Decision, Outcome
from mel_debug.automark.runner import TargetResult
from mel_debug.automark.search import Setup
from mel_debug.automark.targets import Plan, Reference
from mel_debug.confidence.words import sentence
from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.core.types import Confidence, Photo, Pixels
from mel_debug.files.crops import (
    OpenPhotos,
    crop,
    crop_place,
    short_name,
    write_overview,
    write_strip,
)
from mel_debug.files.html_report import make_folder
from mel_debug.files.outputs import OutputGuard
from mel_debug.files.review_page import (
    Card,
    Overview,
    Panel,
    Picture,
    Section,
    Sign,
    Spot,
    write_review,
)

PICTURE_NAMES = re.compile(r"[0-9]{4,}-[a-z0-9-]+\.jpg")
"""The names of a report's pictures: a number, and a mole's uuid or the role of a whole photo."""

KINDS = {
    Outcome.UNCERTAIN: ("unsure", "uncertain"),
    Outcome.ADDED: ("good", "added"),
    Outcome.NOT_FOUND: ("gone", "not found"),
    Outcome.NOT_SEARCHED: ("bad", "not searched"),
}
"""The kind of card for each outcome, and its words, in the order of a photo's cards."""

SHOWN = 8
"""The number of characters of a uuid in a headline."""


@dataclass(slots=True)
class Report:
    """A page of all outcomes in a folder, with crops of each mole and overviews of the photos.

    Results are added as they are made, while their photos are in memory. The names of pictures
    depend on the plan alone, so that a second run replaces those of the first. Raises MelError if
    the folder cannot be written, and UsageError for a file that the guard protects.
    """

    folder: Path
    plan: Plan
    setup: Setup
    guard: OutputGuard | None = None
    photos: OpenPhotos = field(default_factory=OpenPhotos)
    _sections: dict[Path, Section] = field(default_factory=dict)
    _first_number: dict[Path, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        make_folder(self.folder)
        number = 1
        for target in self.plan.targets:
            self._first_number[target.photo] = number
            number += len(target.known)

    def add(self, result: TargetResult) -> None:
        """Draw the moles of a target that were not marked already."""
        shown = sorted(
            (each for each in result.decisions if each.outcome in KINDS), key=_importance
        )
        first = self._first_number[result.target.photo]
        if shown:
            self._sections[result.target.photo] = _TargetSection(self, result, first).of(shown)

    def finish(self, text: str) -> Path:
        """Write the page, with a text at its end; returns its path."""
        sections = [
            self._sections[target.photo]
            for target in self.plan.targets
            if target.photo in self._sections
        ]
        title = "Moles found by automark3"
        return write_review(
            self.folder, title, sections, dict(KINDS.values()), text, guard=self.guard
        )


def _importance(decision: Decision) -> tuple[int, float]:
    """What needs a person's eye comes first, then the least sure."""
    return list(KINDS).index(decision.outcome), decision.confidence or 0.0


@dataclass(slots=True)
class _TargetSection:
    """The cards and overviews of one target, made of crops of it and of its references."""

    report: Report
    result: TargetResult
    number: int
    spots: dict[Path, list[Spot]] = field(default_factory=dict)

    def of(self, decisions: Sequence[Decision]) -> Section:
        target = self.result.target
        by_reference = sorted(decisions, key=lambda each: str(self._reference(each).photo))
        numbers = {each.uuid: self.number + i for i, each in enumerate(decisions)}
        first = self._reference(by_reference[0])
        self.report.photos.prefetch(target.photo, first.photo)
        # Reference by reference, so that each is decoded once.
        cards = {each.uuid: self._card(numbers[each.uuid], each) for each in by_reference}
        counts = [
            f"{count} {outcome.value}"
            for outcome in (*KINDS, Outcome.ALREADY_MARKED)
            if (count := self.result.count(outcome))
        ]
        photos = [target.photo, *(path for path in self.spots if path != target.photo)]
        overviews = [self._overview(number, path) for number, path in enumerate(photos)]
        return Section(
            str(target.photo),
            ", ".join(counts),
            tuple(cards[each.uuid] for each in decisions),
            tuple(each for each in overviews if each is not None),
        )

    def _reference(self, decision: Decision) -> Reference:
        """The reference that the answer came from, else the first that marks the mole."""
        references = self.result.target.references
        if decision.references:
            return next(each for each in references if each.photo == decision.references[0])
        return next(each for each in references if decision.uuid in each.canonical)

    def _card(self, number: int, decision: Decision) -> Card:
        reference = self._reference(decision)
        mark = reference.moles[decision.uuid]
        kind, _ = KINDS[decision.outcome]
        name = f"{number:04d}-{re.sub('[^a-z0-9]', '-', decision.uuid[:SHOWN].lower())}.jpg"
        crops, panels = [], []
        source = self.report.photos.get(reference.photo)
        with suppress(MelError):  # a photo that cannot be read; the lines say so
            if source is not None:
                crops.append(crop(source, mark))
                panels.append(
                    Panel(f"marked in {short_name(reference.photo)}", (Sign("cross", "mole"),))
                )
            seen = self._seen(decision)
            if seen is not None and source is not None:
                crops.append(seen[0])
                panels.append(seen[1])
        strip = None
        if crops:
            size = write_strip(self.report.folder / name, crops, guard=self.report.guard)
            strip = Picture(name, size, _alt(decision, panels))
        card = Card(
            number,
            kind,
            f"mole {decision.uuid[:SHOWN]}",
            self._words(decision),
            self._lines(decision, reference),
            strip,
            tuple(panels),
        )
        self._note(card, reference.photo, mark)
        self._note(card, self.result.target.photo, _place(decision))
        return card

    def _seen(self, decision: Decision) -> tuple[Pixels, Panel] | None:
        """The crop of the target, and what it shows: the place found, or where it should be."""
        place = _place(decision)
        target = self.report.photos.get(self.result.target.photo)
        if place is None or target is None or not _inside(target, place):
            return None
        kind, _ = KINDS[decision.outcome]
        if decision.outcome is Outcome.NOT_FOUND:
            caption, shape = "where it should be", "ring"
        else:
            sure = decision.outcome is Outcome.ADDED
            caption, shape = ("found here", "cross") if sure else ("best place", "dashed")
        signs = [Sign(shape, kind)]
        if decision.outcome is Outcome.UNCERTAIN and decision.expected is not None:
            at = crop_place(target, place, decision.expected)
            signs.append(Sign("ring", "gone", at, 24.0))
            caption += "; the other moles expect it in the ring"
        return crop(target, place), Panel(caption, tuple(signs))

    def _words(self, decision: Decision) -> str:
        if decision.confidence is None:
            return "Not searched"
        probability, absent = decision.confidence, decision.absent
        return sentence(
            Confidence(
                probability,
                1.0,
                calibrated=self.report.setup.judge.calibrated,
                uncertain=decision.outcome is not Outcome.ADDED,
                reason=decision.reason,
                absent=None if absent is None else min(absent, 1 - probability),
            )
        )

    def _lines(self, decision: Decision, reference: Reference) -> tuple[str, ...]:
        lines = []
        if decision.outcome is Outcome.NOT_SEARCHED:
            lines.append(decision.reason)
        if decision.point is not None and decision.outcome is not Outcome.NOT_FOUND:
            x, y = decision.point.pixel
            lines.append(f"at ({x}, {y}); {decision.agreeing} other moles agree")
        place = _place(decision)
        target = self.report.photos.get(self.result.target.photo)
        if place is not None and target is not None and not _inside(target, place):
            lines.append("by the other moles it lies outside this photo")
        lines += [f"no spot at the mark in {photo}" for photo in decision.without_blob]
        lines.append(f"{decision.uuid}, marked in {reference.photo}")
        return tuple(lines)

    def _note(self, card: Card, path: Path, place: Point | None) -> None:
        """Remember where an overview shows a card."""
        photo = self.report.photos.get(path)
        if photo is None or place is None or not _inside(photo, place):
            return
        size = photo.size
        spot = Spot(card, place.x / size.width, place.y / size.height)
        self.spots.setdefault(path, []).append(spot)

    def _overview(self, number: int, path: Path) -> Overview | None:
        photo = self.report.photos.get(path)
        if photo is None:
            return None
        role = f"reference-{number}" if number else "target"
        name = f"{self.number:04d}-{role}.jpg"
        with suppress(MelError):
            size = write_overview(self.report.folder / name, photo, guard=self.report.guard)
            picture = Picture(name, size, f"the whole photo {short_name(path)}")
            return Overview(picture, str(path), tuple(self.spots.get(path, ())))
        return None


def _place(decision: Decision) -> Point | None:
    """Where the target shows a mole or, if it was not found, should show it."""
    if decision.outcome is Outcome.NOT_FOUND and decision.expected is not None:
        return decision.expected
    return decision.point


def _inside(photo: Photo, point: Point) -> bool:
    return 0 <= point.x < photo.size.width and 0 <= point.y < photo.size.height


def _alt(decision: Decision, panels: Sequence[Panel]) -> str:
    shown = " beside the target: ".join(panel.caption for panel in panels)
    return f"mole {decision.uuid[:SHOWN]} {shown}"
