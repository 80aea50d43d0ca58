"""Guessed marks against true ones: what agrees, what is missing, what is new."""

import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mel_debug.core.errors import MelError
from mel_debug.core.mole import Mole
from mel_debug.evaluation import metrics
from mel_debug.files.marks import marks_path, read_entries, read_moles

ERROR_PX = 50.0
"""A guess further than this from the true mark is wrong, unless a person says otherwise."""

THRESHOLDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Guess:
    """A guessed mark: of which mole, how far from the true mark (None: there is none), how sure."""

    uuid: str
    error_px: float | None
    confidence: float | None
    right: bool

    @property
    def kind(self) -> str:
        if self.right:
            return "matched"
        return "added" if self.error_px is None else "misplaced"


@dataclass(frozen=True, slots=True)
class Compared:
    """A photo's guesses, and the true moles that no guess is of."""

    photo: Path
    guesses: tuple[Guess, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Threshold:
    """What is left of the guesses when only those with at least this confidence are taken.

    `hits` is the share of right guesses among all right ones, `false_alarms` that of wrong ones.
    """

    confidence: float
    guesses: int
    precision: float | None
    recall: float | None
    hits: float | None
    false_alarms: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All photos together. Guesses without a confidence are in no threshold nor in the AUROC."""

    photos: tuple[Compared, ...]

    @property
    def guesses(self) -> list[Guess]:
        return [guess for photo in self.photos for guess in photo.guesses]

    def count(self, kind: str) -> int:
        """How many guesses are `matched`, `misplaced` or `added`, or true moles `missing`."""
        if kind == "missing":
            return sum(len(photo.missing) for photo in self.photos)
        return sum(guess.kind == kind for guess in self.guesses)

    @property
    def true(self) -> int:
        """How many true moles there are."""
        return self.count("matched") + self.count("misplaced") + self.count("missing")

    @property
    def recall(self) -> float | None:
        """The share of true moles that a guess is right about."""
        return _share(self.count("matched"), self.true)

    @property
    def precision(self) -> float | None:
        """The share of guesses that are right."""
        return _share(self.count("matched"), len(self.guesses))

    @property
    def auroc(self) -> float | None:
        """How often a right guess has more confidence than a wrong one."""
        sure = self._sure()
        confidences = np.array([guess.confidence for guess in sure], dtype=float)
        return metrics.auroc(confidences, np.array([guess.right for guess in sure], dtype=bool))

    def roc(self, thresholds: Iterable[float] = THRESHOLDS) -> list[Threshold]:
        """One line for each threshold of confidence."""
        sure = self._sure()
        confidences = np.array([guess.confidence for guess in sure], dtype=float)
        order = np.argsort(confidences)
        ascending = confidences[order]
        # How many right guesses there are before each place of that order.
        hits_before = np.cumsum([0, *(sure[place].right for place in order)])
        right, true = int(hits_before[-1]), self.true
        lines = []
        for threshold in thresholds:
            left_out = int(np.searchsorted(ascending, threshold))
            taken = len(sure) - left_out
            hits = right - int(hits_before[left_out])
            lines.append(
                Threshold(
                    threshold,
                    taken,
                    _share(hits, taken),
                    _share(hits, true),
                    _share(hits, right),
                    _share(taken - hits, len(sure) - right),
                )
            )
        return lines

    def _sure(self) -> list[Guess]:
        return [guess for guess in self.guesses if guess.confidence is not None]

    def as_json(self) -> dict[str, Any]:
        """Counts, rates, the ROC at every confidence that occurs, and each photo's guesses."""
        kinds = ("matched", "misplaced", "missing", "added")
        occurring = sorted({guess.confidence or 0.0 for guess in self._sure()} | {0.0})
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
                    "true_positive_rate": line.hits,
                    "false_positive_rate": line.false_alarms,
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


def compare(
    photo: Path, stem: str, error_px: float = ERROR_PX, findable: frozenset[str] | None = None
) -> Compared:
    """Compare `PHOTO.STEM.json` with the canonical marks of `PHOTO.json`.

    A guess is right if the same mole is marked within `error_px` of it. With `findable` only these
    moles are asked for; a guess of another one still counts. Marks of `PHOTO.json` that are not
    canonical are guesses themselves: no truth, and guesses of those moles are left out. Raises
    UsageError when one of the files is not there and MelError when it can't be read.
    """
    guessed = _with_confidence(photo, stem)
    marked = read_moles(photo)
    true = {mole.uuid: mole for mole in marked if mole.is_canonical}
    doubtful = {mole.uuid for mole in marked} - set(true)
    guesses = tuple(
        _guess(mole, true.get(mole.uuid), confidence, error_px)
        for mole, confidence in guessed
        if mole.uuid not in doubtful
    )
    named = {guess.uuid for guess in guesses}
    missing = tuple(
        uuid for uuid in true if uuid not in named and (findable is None or uuid in findable)
    )
    return Compared(photo, guesses, missing)


def _guess(mole: Mole, true: Mole | None, confidence: float | None, error_px: float) -> Guess:
    error = None if true is None else mole.point.distance_to(true.point)
    return Guess(mole.uuid, error, confidence, error is not None and error <= error_px)


def _with_confidence(photo: Path, stem: str) -> list[tuple[Mole, float | None]]:
    """The guessed moles, each with its confidence, None where it has none. Raises MelError."""
    found: list[tuple[Mole, float | None]] = []
    for number, (mole, entry) in enumerate(read_entries(photo, stem), start=1):
        value = entry.get("confidence")
        if value is None:
            found.append((mole, None))
        elif isinstance(value, int | float) and 0 <= value <= 1:
            found.append((mole, float(value)))
        else:
            raise MelError(
                f"{marks_path(photo, stem)}: the confidence of entry {number} is no number from "
                f"0 to 1: {reprlib.repr(value)}"
            )
    return found


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
