"""From the evidence of a match to its confidence."""

from dataclasses import dataclass, replace

from mel_debug.confidence.calibrations import ANY, DEFAULT_THRESHOLD, own, shipped
from mel_debug.confidence.evidence import Evidence, evidence_of
from mel_debug.confidence.model import Calibration
from mel_debug.confidence.reasons import main_reason
from mel_debug.core.types import Confidence, FeatureMap, Match, Query


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Gives matches their confidence; those below `threshold` are uncertain.

    `calibrated`: the calibration was fitted to this extractor family and matcher.
    """

    calibration: Calibration
    calibrated: bool
    threshold: float = DEFAULT_THRESHOLD

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:  # NaN would switch uncertainty off
            raise ValueError(f"a threshold lies in [0, 1], not {self.threshold}")

    def judged(self, query: Query, target: FeatureMap, match: Match) -> Match:
        """The match with its confidence."""
        evidence = evidence_of(query, target, match)
        return replace(match, confidence=self.confidence(evidence, match.grid.photo.longest))

    def confidence(self, evidence: Evidence, longest: int) -> Confidence:
        """The confidence that evidence amounts to, in a target whose longer side is `longest` pixels."""
        probability = float(self.calibration.probabilities([evidence])[0])
        radius = self.calibration.radius_share(probability) * longest
        uncertain = probability < self.threshold
        reason = main_reason(self.calibration, evidence) if uncertain else None
        return Confidence(probability, radius, self.calibrated, uncertain, reason)


def judge_for(key: str, threshold: float = DEFAULT_THRESHOLD) -> Judge:
    """The confidence model for a key of `key_for`: the user's own calibration, else a shipped one.

    Without either, the general one, marked as not calibrated. Raises MelError for a damaged file.
    """
    known = {**shipped(), **own()}
    return Judge(known.get(key, known[ANY]), key in known, threshold)
