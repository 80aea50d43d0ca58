"""Comparison of guessed marks with true ones: matched, misplaced, missing and added moles."""

import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mel_debug.core.errors import MelError
from mel_debug.core.mole import Mole
from mel_debug.core.tables import csv_text
from mel_debug.evaluation import metrics
from mel_debug.files.marks import marks_path, read_entries, read_moles

ERROR_PX = 50.0
"""Default distance in native pixels beyond which a guess is misplaced; chosen by hand."""

THRESHOLDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Guess:
    """A guessed mark.

    `error_px` is the distance to the true mark of the same uuid, None if there is none.
    `confidence` is 0 to 1, None if the file has none.
    """

    uuid: str
    error_px: float | None
    confidence: float | None
    right: bool

    @property
    def kind(self) -> str:
        """`matched`, `misplaced`, or `added` if there is no true mark of that uuid."""
        if self.right:
            return "matched"
        return "added" if self.error_px is None else "misplaced"


@dataclass(frozen=True, slots=True)
class ComparedPhoto:
    """A photo's guesses, and the uuids of true moles without a guess."""

    photo: Path
    guesses: tuple[Guess, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Threshold:
    """The rates over guesses with at least this confidence; None where the divisor is 0.

    `true_positive_rate` is the share of all matched guesses that have at least this confidence,
    `false_positive_rate` the same share of all other guesses.
    """

    confidence: float
    guesses: int
    precision: float | None
    recall: float | None
    true_positive_rate: float | None
    false_positive_rate: float | None

    @property
    def rates(self) -> tuple[float | None, ...]:
        """Precision, recall, true positive rate and false positive rate."""
        return self.precision, self.recall, self.true_positive_rate, self.false_positive_rate


@dataclass(frozen=True, slots=True)
class Comparison:
    """All compared photos. Guesses without a confidence are left out of thresholds and AUROC."""

    photos: tuple[ComparedPhoto, ...]

    @property
    def guesses(self) -> list[Guess]:
        return [guess for photo in self.photos for guess in photo.guesses]

    def count(self, kind: str) -> int:
        """Return the number of guesses of a kind, or of true moles for the kind `missing`."""
        if kind == "missing":
            return sum(len(photo.missing) for photo in self.photos)
        return sum(guess.kind == kind for guess in self.guesses)

    @property
    def true(self) -> int:
        """Number of true moles."""
        return self.count("matched") + self.count("misplaced") + self.count("missing")

    @property
    def recall(self) -> float | None:
        """Share of true moles that are matched."""
        return _share(self.count("matched"), self.true)

    @property
    def precision(self) -> float | None:
        """Share of guesses that are matched."""
        return _share(self.count("matched"), len(self.guesses))

    @property
    def auroc(self) -> float | None:
        """Probability that a matched guess has a higher confidence than another one."""
        rated = self._rated()
        confidences = np.array([guess.confidence for guess in rated], dtype=float)
        return metrics.auroc(confidences, np.array([guess.right for guess in rated], dtype=bool))

    def roc(self, thresholds: Iterable[float] = THRESHOLDS) -> list[Threshold]:
        """Return the rates at each confidence threshold."""
        rated = self._rated()
        confidences = np.array([guess.confidence for guess in rated], dtype=float)
        order = np.argsort(confidences)
        ascending = confidences[order]
        # Matched guesses below each position of the ascending order.
        matched_below = np.cumsum([0, *(rated[index].right for index in order)])
        matched, true = int(matched_below[-1]), self.true
        lines = []
        for threshold in thresholds:
            left_out = int(np.searchsorted(ascending, threshold))
            accepted = len(rated) - left_out
            hits = matched - int(matched_below[left_out])
            lines.append(
                Threshold(
                    threshold,
                    accepted,
                    _share(hits, accepted),
                    _share(hits, true),
                    _share(hits, matched),
                    _share(accepted - hits, len(rated) - matched),
                )
            )
        return lines

    def _rated(self) -> list[Guess]:
        return [guess for guess in self.guesses if guess.confidence is not None]

    def as_json(self) -> dict[str, Any]:
        """Return counts, rates, the ROC at all occurring confidences, and each photo's guesses."""
        kinds = ("matched", "misplaced", "missing", "added")
        occurring = sorted({guess.confidence or 0.0 for guess in self._rated()} | {0.0})
        return {
            **{kind: self.count(kind) for kind in kinds},
            "recall": self.recall,
            "precision": self.precision,
            "auroc": self.auroc,
            "roc": [
                {
                    "confidence": line.confidence,
                    "guesses": line.guesses,
                    "precision": line.precision,
                    "recall": line.recall,
                    "true_positive_rate": line.true_positive_rate,
                    "false_positive_rate": line.false_positive_rate,
                }
                for line in self.roc(occurring)
            ],
            "photos": [
                {
                    "photo": str(photo.photo),
                    "missing": list(photo.missing),
                    "guesses": [
                        {
                            "uuid": guess.uuid,
                            "kind": guess.kind,
                            "error_px": guess.error_px,
                            "confidence": guess.confidence,
                        }
                        for guess in photo.guesses
                    ],
                }
                for photo in self.photos
            ],
        }

    def as_csv(self) -> str:
        """Return one line for each guess and for each true mole that is missing."""
        rows: list[dict[str, Any]] = []
        for photo in self.photos:
            name = str(photo.photo)
            rows += [
                {
                    "photo": name,
                    "uuid": guess.uuid,
                    "kind": guess.kind,
                    "error_px": guess.error_px,
                    "confidence": guess.confidence,
                }
                for guess in photo.guesses
            ]
            nothing = {"error_px": None, "confidence": None}
            rows += [
                {"photo": name, "uuid": uuid, "kind": "missing", **nothing}
                for uuid in photo.missing
            ]
        return csv_text(("photo", "uuid", "kind", "error_px", "confidence"), rows)


def compare(
    photo: Path, stem: str, error_px: float = ERROR_PX, findable: frozenset[str] | None = None
) -> ComparedPhoto:
    """Compare `PHOTO.STEM.json` with the canonical marks of `PHOTO.json`.

    A guess is matched if the true mark of its uuid lies within `error_px`. With `findable`, only
    these uuids can be missing; guesses of others still count. Marks of `PHOTO.json` that are not
    canonical are not true marks, and guesses of their uuids are left out. Raises UsageError if one
    of the files does not exist and MelError if it can't be read.
    """
    guessed = _with_confidence(photo, stem)
    marked = read_moles(photo)
    true = {mole.uuid: mole for mole in marked if mole.is_canonical}
    not_canonical = {mole.uuid for mole in marked} - set(true)
    guesses = tuple(
        _guess(mole, true.get(mole.uuid), confidence, error_px)
        for mole, confidence in guessed
        if mole.uuid not in not_canonical
    )
    named = {guess.uuid for guess in guesses}
    missing = tuple(
        uuid for uuid in true if uuid not in named and (findable is None or uuid in findable)
    )
    return ComparedPhoto(photo, guesses, missing)


def _guess(mole: Mole, true: Mole | None, confidence: float | None, error_px: float) -> Guess:
    error = None if true is None else mole.point.distance_to(true.point)
    return Guess(mole.uuid, error, confidence, error is not None and error <= error_px)


def _with_confidence(photo: Path, stem: str) -> list[tuple[Mole, float | None]]:
    """Return the guessed moles, each with its confidence or None.

    Raises MelError for a confidence that is not a number from 0 to 1.
    """
    found: list[tuple[Mole, float | None]] = []
    for number, (mole, entry) in enumerate(read_entries(photo, stem), start=1):
        value = entry.get("confidence")
        if value is None:
            found.append((mole, None))
        elif isinstance(value, int | float) and 0 <= value <= 1:
            found.append((mole, float(value)))
        else:
            raise MelError(
                f"{marks_path(photo, stem)}: the confidence of entry {number} is not a number "
                f"from 0 to 1: {reprlib.repr(value)}"
            )
    return found


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
