"""One match and the truth about it, for fitting and evaluation."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from mel_debug.confidence.evidence import WITHIN
from mel_debug.confidence.judge import Judge

ACCEPTABLE_PX = 50.0
"""An accepted match with a larger error is wrong, as is any match of an absent mole."""

_COMPUTED = ("confidence", "radius_px", "uncertain", "absent", "probably_absent")


@dataclass(frozen=True, slots=True)
class Answer:
    """The match of one mole of `source` in `target`, and where the mole really is.

    `answer` is the match and `truth` the mole, (x, y) in pixels of the target; `truth` is None if
    the mole is absent. `longest` is the longer side of the target in pixels. `with_confidence`
    computes the fields from `confidence` on from the evidence; see `core.types.Confidence`.
    """

    source: str
    target: str
    uuid: str
    truth: tuple[float, float] | None
    answer: tuple[float, float]
    longest: int
    evidence: Mapping[str, float]
    confidence: float = 0.0
    radius_px: float = math.inf
    uncertain: bool = True
    absent: float | None = None
    probably_absent: bool = False

    @property
    def error_px(self) -> float | None:
        """The distance of the answer from the truth in pixels; None if the mole is absent."""
        if self.truth is None:
            return None
        return float(np.hypot(self.answer[0] - self.truth[0], self.answer[1] - self.truth[1]))

    @property
    def right(self) -> bool:
        """Whether the error is at most 0.8 % of the longer side; confidence is its probability."""
        error = self.error_px
        return error is not None and error <= WITHIN * self.longest

    @property
    def acceptable(self) -> bool:
        """Whether the mole is in the target and the error at most 50 px."""
        error = self.error_px
        return error is not None and error <= ACCEPTABLE_PX

    def with_confidence(self, judge: Judge) -> "Answer":
        """The answer with the confidence that a judge computes; replaces any from before."""
        result = judge.confidence(self.evidence, self.longest)
        return replace(
            self,
            confidence=result.probability,
            radius_px=result.radius_px,
            uncertain=result.uncertain,
            absent=result.absent,
            probably_absent=result.probably_absent,
        )

    def as_json(self) -> dict[str, Any]:
        """The measured fields, for a state file; `with_confidence` computes the others again."""
        fields = asdict(self)
        for name in _COMPUTED:
            del fields[name]
        return fields

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Answer":
        """The inverse of `as_json`. Raises KeyError or TypeError for other data."""
        truth = data["truth"]
        places = {"truth": None if truth is None else tuple(truth), "answer": tuple(data["answer"])}
        return cls(**{**data, **places})

    def as_row(self) -> dict[str, Any]:
        """The fields of a report."""
        return {
            "source": self.source,
            "target": self.target,
            "uuid": self.uuid,
            "truth": None if self.truth is None else list(self.truth),
            "answer": list(self.answer),
            "error_px": self.error_px,
            "confidence": self.confidence,
            "radius_px": self.radius_px,
            "uncertain": self.uncertain,
            "absent": self.absent,
        }
