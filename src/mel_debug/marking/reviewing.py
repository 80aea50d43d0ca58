"""Reviewing guessed marks by their confidence, without looking at them."""

from dataclasses import dataclass
from pathlib import Path

from mel_debug.core.errors import UsageError
from mel_debug.marking.changing import edit_marks
from mel_debug.marking.edits import Accept, Edit, Reject
from mel_debug.marking.marks import Mark, read_photo_marks
from mel_debug.marking.runs import Run


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Guesses from `accept_above` on are accepted, and those below `reject_below` rejected.

    Both are probabilities in [0, 1]; None accepts or rejects nothing. Raises UsageError if a guess
    could be both.
    """

    accept_above: float | None = None
    reject_below: float | None = None

    def __post_init__(self) -> None:
        low, high = self.reject_below, self.accept_above
        if low is not None and high is not None and low > high:
            raise UsageError(
                f"`reject_below` {low:g} is above `accept_above` {high:g}; give at most as much"
            )

    def edit(self, mark: Mark) -> Edit | None:
        """What happens to a mark; None for one that stays as it is.

        Confirmed marks stay, those without a confidence, and those that a person is unsure of.
        """
        if mark.is_canonical or mark.is_unsure or mark.confidence is None:
            return None
        if self.accept_above is not None and mark.confidence >= self.accept_above:
            return Accept(mark)
        if self.reject_below is not None and mark.confidence < self.reject_below:
            return Reject(mark)
        return None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a review did with the guesses of a photo."""

    photo: Path
    accepted: tuple[Mark, ...]
    rejected: tuple[Mark, ...]
    left: tuple[Mark, ...]


def review_photo(run: Run, photo: Path, thresholds: Thresholds) -> Reviewed:
    """Accept and reject the guesses of a photo as one step of a run.

    Raises MelError for a file that can't be read or written; then nothing of this photo has
    changed.
    """
    guessed = read_photo_marks(photo).guessed
    edits = {mark: edit for mark in guessed if (edit := thresholds.edit(mark)) is not None}
    if edits:
        edit_marks(run, {photo: list(edits.values())})
    return Reviewed(
        photo,
        tuple(mark for mark, edit in edits.items() if isinstance(edit, Accept)),
        tuple(mark for mark, edit in edits.items() if isinstance(edit, Reject)),
        tuple(mark for mark in guessed if mark not in edits),
    )
