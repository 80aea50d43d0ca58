"""What is decided about a mole, and the rules for adding its mark."""

from dataclasses import dataclass
from enum import Enum
from math import inf
from pathlib import Path

from mel_debug.confidence.calibrations import DEFAULT_THRESHOLD
from mel_debug.core.geometry import Point

CONSISTENT_SHARE = 0.02
"""The default distance within which a mole fits the alignment, in longer sides of the target."""


class Outcome(Enum):
    """The decision about a mole that is canonical in a reference."""

    ADDED = "added"
    ALREADY_MARKED = "already marked"
    NOT_FOUND = "not found"
    UNCERTAIN = "uncertain"
    NOT_SEARCHED = "not searched"


@dataclass(frozen=True, slots=True)
class Rules:
    """The conditions for adding a mark.

    Its confidence must be at least `min_confidence`, and at least `min_consistent` other moles must
    fit the same alignment to within `consistency_px`, in pixels of the target. None stands for
    `CONSISTENT_SHARE` of the longer side. Raises ValueError for impossible values.
    """

    min_confidence: float = DEFAULT_THRESHOLD
    min_consistent: int = 0
    consistency_px: float | None = None

    def __post_init__(self) -> None:
        # NaN fails these comparisons; it would accept every place.
        if not 0 <= self.min_confidence <= 1:
            raise ValueError(f"a confidence lies in [0, 1], not {self.min_confidence}")
        if self.consistency_px is not None and not 0 < self.consistency_px < inf:
            raise ValueError(f"a distance is above 0 and finite, not {self.consistency_px}")


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision about one mole in a target, and the reason.

    `point` is its best place in pixels of the target, if any, and `references` are the photos that
    proposed it; those in `without_blob` show no blob at their mark. `agreeing` is the number of
    other moles that fit the same alignment, and `expected_off_px` the distance from `point` to the
    place predicted from them; `expected` is that place by the reference that is surest of it, in
    pixels of the target, and may lie outside. `absent` is the probability that the mole is not to
    be seen in the target; None if it is unknown. Confidence and `absent` are together at most 1.
    """

    uuid: str
    outcome: Outcome
    reason: str
    point: Point | None = None
    confidence: float | None = None
    references: tuple[Path, ...] = ()
    agreeing: int = 0
    expected_off_px: float | None = None
    without_blob: tuple[Path, ...] = ()
    absent: float | None = None
    expected: Point | None = None

    @property
    def spot_at_mark(self) -> bool | None:
        """Whether all references of the place show a blob at their mark; None without any."""
        return not self.without_blob if self.references else None
