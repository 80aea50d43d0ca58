"""One row for each question: what was asked, answered, and is true."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from mel_debug.confidence.evidence import WITHIN
from mel_debug.confidence.judge import Judge

ACCEPTABLE_PX = 50.0
"""An accepted answer further off than this is a wrong one, as is any for a mole not there."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Places in pixels of the target, `longest` its longer side; `truth` None: not there.

    Confidence, radius and `uncertain` follow from the evidence; `judged` sets them.
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

    @property
    def error_px(self) -> float | None:
        """The distance of the answer from the truth."""
        if self.truth is None:
            return None
        return float(np.hypot(self.answer[0] - self.truth[0], self.answer[1] - self.truth[1]))

    @property
    def right(self) -> bool:
        """What confidence is the probability of: there, and within 0.8 % of the longer side."""
        error = self.error_px
        return error is not None and error <= WITHIN * self.longest

    @property
    def acceptable(self) -> bool:
        """There, and within 50 px."""
        error = self.error_px
        return error is not None and error <= ACCEPTABLE_PX

    def judged(self, judge: Judge) -> "Answer":
        """The answer as a judge sees it, whoever judged it before."""
        trust = judge.confidence(self.evidence, self.longest)
        return replace(
            self,
            confidence=trust.probability,
            radius_px=trust.radius_px,
            uncertain=trust.uncertain,
        )

    def as_json(self) -> dict[str, Any]:
        """What the state file keeps: what was measured, not how it was judged."""
        kept = asdict(self)
        for name in ("confidence", "radius_px", "uncertain"):
            del kept[name]
        return kept

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Answer":
        """Raises KeyError or TypeError for what `as_json` did not write."""
        truth = data["truth"]
        places = {"truth": None if truth is None else tuple(truth), "answer": tuple(data["answer"])}
        return cls(**{**data, **places})

    def as_row(self) -> dict[str, Any]:
        """What a report shows."""
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
        }
