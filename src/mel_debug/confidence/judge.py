"""The judge, which turns the evidence of a match into its confidence."""

from dataclasses import dataclass, replace

from mel_debug.confidence.calibrations import ANY, DEFAULT_THRESHOLD, shipped, user_calibrations
from mel_debug.confidence.evidence import Evidence, evidence_of
from mel_debug.confidence.model import Calibration
from mel_debug.confidence.reasons import main_reason
from mel_debug.core.types import Confidence, FeatureMap, Match, Query


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Computes the confidence of matches; those less probable than `threshold` are uncertain.

    `calibrated` is True if the calibration was fitted to this extractor family and matcher.
    """

    calibration: Calibration
    calibrated: bool
    threshold: float = DEFAULT_THRESHOLD

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:  # NaN would make no match uncertain
            raise ValueError(f"a threshold lies in [0, 1], not {self.threshold}")

    def with_confidence(self, query: Query, target: FeatureMap, match: Match) -> Match:
        """The match with its confidence."""
        evidence = evidence_of(query, target, match)
        return replace(match, confidence=self.confidence(evidence, match.grid.photo.longest))

    def confidence(self, evidence: Evidence, longest: int) -> Confidence:
        """The confidence for evidence from a target whose longer side is `longest` pixels."""
        probability = float(self.calibration.probabilities([evidence])[0])
        absences = self.calibration.absences([evidence])
        radius = self.calibration.radius_share(probability) * longest
        uncertain = probability < self.threshold
        return Confidence(
            probability,
            radius,
            self.calibrated,
            uncertain,
            main_reason(self.calibration, evidence) if uncertain else None,
            None if absences is None else min(float(absences[0]), 1 - probability),
        )


def judge_for(key: str, threshold: float = DEFAULT_THRESHOLD) -> Judge:
    """The judge for a key of `key_for`, with the user's own calibration or else a shipped one.

    Without either it uses the general calibration and is not `calibrated`. Raises MelError if the
    user's calibration file is damaged.
    """
    known = {**shipped(), **user_calibrations()}
    return Judge(known.get(key, known[ANY]), key in known, threshold)
