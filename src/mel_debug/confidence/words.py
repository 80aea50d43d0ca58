"""A confidence in words: the one place that decides how sure an answer sounds."""

from mel_debug.core.types import Confidence

ABSENT = "probably not there"
UNSURE = "NOT SURE"


def verdict(confidence: Confidence) -> str | None:
    """`probably not there`, `NOT SURE`, or None for an accepted match."""
    if confidence.probably_absent:
        return ABSENT
    return UNSURE if confidence.uncertain else None


def numbers(confidence: Confidence) -> str:
    """The numbers that belong to the verdict: its probability, and the radius of a place."""
    if confidence.probably_absent:
        return f"absent {confidence.absent:.2f}   confidence {confidence.probability:.2f}"
    return f"confidence {confidence.probability:.2f}   ±{confidence.radius_px:.0f} px if right"
