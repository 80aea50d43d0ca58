"""A confidence in the words of the command line; see also `Confidence.sentence`."""

from mel_debug.core.types import Confidence

ABSENT = "probably not there"
UNSURE = "NOT SURE"


def verdict(confidence: Confidence) -> str | None:
    """`probably not there`, `NOT SURE`, or None for an accepted match."""
    if confidence.probably_absent:
        return ABSENT
    return UNSURE if confidence.uncertain else None


def sentence(confidence: Confidence) -> str:
    """The answer for people, such as `Found, quite sure (97 %)` or `Not sure (53 %): REASON`."""
    return confidence.sentence


def numbers(confidence: Confidence) -> str:
    """The numbers that belong to the verdict: its probability, and the radius of a place."""
    if confidence.probably_absent:
        return f"absent {confidence.absent:.2f}   confidence {confidence.probability:.2f}"
    return f"confidence {confidence.probability:.2f}   ±{confidence.radius_px:.0f} px if right"
